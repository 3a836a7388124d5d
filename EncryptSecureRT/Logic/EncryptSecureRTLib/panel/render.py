"""The view on the widgets: the only place that writes what a state says into them."""

from collections.abc import Iterator
from typing import Any

import qt

from EncryptSecureRTLib.panel.icons import badge_colour, badge_pixmap, is_dark, tone_colour
from EncryptSecureRTLib.panel.state import PanelState, Tone, Trust
from EncryptSecureRTLib.panel.view import Badge, CheckLine, Switch, View

_APPLY_KEYS = "Alt+A"
_MAY_BREAK = "\u200b"
_FACTS = (
    ("worker", "worker_name"),
    ("build", "build_label"),
    ("measurement", "measurement"),
    ("platform", "tcb_status"),
    ("advisories", "advisory_ids"),
    ("judged at", "judged_at"),
    ("policy", "policy_sha256"),
    ("worker's key", "spki_sha256"),
)


def colour_text(widget: Any, colour: Any) -> None:
    """Write the widget's text in a colour, whatever the theme."""
    palette = qt.QPalette(widget.palette)
    # Which of them a label takes depends on what it lies in.
    for role in (qt.QPalette.WindowText, qt.QPalette.Text, qt.QPalette.ButtonText):
        palette.setColor(role, colour)
    widget.palette = palette


def _wrappable(words: str) -> str:
    """Return the words with places to break in codes and names: these make no wide panel."""
    return words.replace("_", "_" + _MAY_BREAK).replace("-", "-" + _MAY_BREAK)


def switch(widget: Any, wanted: Switch, tip: str) -> None:
    """Enable a widget, or disable it with the reason in its tooltip."""
    widget.enabled = wanted.enabled
    widget.toolTip = wanted.reason or tip


def _named(widget: Any) -> Iterator[Any]:
    """Yield the widgets that have a name, from this one downwards."""
    if widget.name:
        yield widget
    for child in widget.children():
        if child.isWidgetType():
            yield from _named(child)


class CheckLines:
    """The lines of Test connection: labels in a grid, so that long ones wrap."""

    def __init__(self, ui: Any) -> None:
        self._frame, self._layout = ui.checksFrame, ui.checksFrame.layout()
        self._layout.setColumnStretch(1, 1)
        self._labels: list[tuple[Any, Any]] = []
        self._shown: tuple[tuple[CheckLine, ...], bool] | None = None

    def show(self, lines: tuple[CheckLine, ...]) -> None:
        """Show these lines; none hides all."""
        dark = is_dark(self._frame)
        if (lines, dark) == self._shown:
            return
        self._shown = lines, dark
        self._frame.setVisible(bool(lines))
        while len(self._labels) < len(lines):
            self._add_labels()
        for (title, words), line in zip(self._labels, lines, strict=False):
            title.text = f"{line.mark} {line.title}"
            words.text = _wrappable(line.words)
            words.accessibleName = f"{line.title}: {line.tone.value}, {line.words}"
            colour_text(title, tone_colour(line.tone, dark=dark))

    def _add_labels(self) -> None:
        title, words = qt.QLabel(), qt.QLabel()
        title.setAlignment(qt.Qt.AlignLeft | qt.Qt.AlignTop)
        words.wordWrap = True
        words.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Preferred)
        words.textInteractionFlags = qt.Qt.TextSelectableByMouse
        row = len(self._labels)
        title.objectName, words.objectName = f"checkTitle{row}", f"checkWords{row}"
        self._layout.addWidget(title, row, 0)
        self._layout.addWidget(words, row, 1)
        self._labels.append((title, words))


class Renderer:
    """Writes views into the widgets of the `.ui` file.

    Parameters
    ----------
    ui : the widgets by their names, as `slicer.util.childWidgetVariables` gives them.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._tips = {
            widget: str(widget.toolTip)
            for widget in (ui.testConnectionButton, ui.trustDetailsButton, ui.applyButton)
        }
        self._checks = CheckLines(ui)
        self._trust: Trust | None = None
        self._verdict_dark = False
        self._badge: tuple[Badge, bool] | None = None
        self._inputs: Switch | None = None
        self._own_tips: dict[str, str] = {}

    def show(self, state: PanelState, view: View) -> None:
        """Show everything of a view."""
        ui = self._ui
        self._show_badge(view)
        self._checks.show(view.checks)
        self._show_verdict(state.trust, view)
        for widget, wanted in (
            (ui.testConnectionButton, view.test),
            (ui.trustDetailsButton, view.details),
            (ui.applyButton, view.apply),
        ):
            switch(widget, wanted, self._tips[widget])
        if ui.applyButton.text != view.apply_words:
            ui.applyButton.text = view.apply_words
            ui.applyButton.shortcut = qt.QKeySequence(_APPLY_KEYS)  # a new text takes it away
        self._show_inputs(view.inputs)
        self.show_progress(view)

    def _show_inputs(self, wanted: Switch) -> None:
        """Enable what is chosen before a job, or say at each control why it is disabled."""
        ui = self._ui
        chosen = (
            *(ui.urlComboBox, ui.inputsSection, ui.criteriaSection),
            *(ui.outputsSection, ui.advancedSection),
        )
        for widget in chosen:
            widget.enabled = wanted.enabled
        if wanted == self._inputs:
            return
        self._inputs = wanted
        for widget in chosen:
            for control in _named(widget):
                own = self._own_tips.setdefault(str(control.name), str(control.toolTip))
                control.toolTip = wanted.reason or own

    def show_progress(self, view: View) -> None:
        """Show how far it is; called many times a second."""
        ui, progress = self._ui, view.progress
        ui.progressBar.setVisible(progress.visible)
        ui.progressLabel.setVisible(progress.visible)
        if progress.visible:
            ui.progressBar.maximum = 0 if progress.permille is None else 1000
            ui.progressBar.value = progress.permille or 0
            ui.progressLabel.text = progress.words
        ui.progressLabel.accessibleDescription = view.spoken

    def _show_badge(self, view: View) -> None:
        ui = self._ui
        dark = is_dark(ui.applyButton)  # the frame's own palette is changed below
        ui.trustBadge.text = _wrappable(view.badge_words)
        if (view.badge, dark) == self._badge:
            return
        self._badge = view.badge, dark
        ui.trustIcon.setPixmap(badge_pixmap(view.badge, dark=dark))
        colour = badge_colour(view.badge, dark=dark)
        colour_text(ui.trustBadge, colour)
        self._hatch(view.badge, colour)

    def _hatch(self, badge: Badge, colour: Any) -> None:
        """Hatch the frame of what is simulated, so that nobody takes it for the real thing."""
        frame = self._ui.trustFrame
        if badge is not Badge.SIMULATED:
            frame.palette = qt.QPalette(frame.parentWidget().palette)
            frame.autoFillBackground = False
            return
        faint = qt.QColor(colour)
        faint.setAlpha(60)
        palette = qt.QPalette(frame.palette)
        palette.setBrush(qt.QPalette.Window, qt.QBrush(faint, qt.Qt.BDiagPattern))
        frame.palette = palette
        frame.autoFillBackground = True

    def _show_verdict(self, trust: Trust | None, view: View) -> None:
        ui = self._ui
        shown = bool(ui.trustDetailsButton.checked) and view.details.enabled
        ui.verdictTree.setVisible(shown)
        ui.verdictFacts.setVisible(shown)
        dark = is_dark(ui.verdictTree)
        if trust is self._trust and dark is self._verdict_dark:
            return
        self._trust, self._verdict_dark = trust, dark
        ui.verdictTree.clear()
        if trust is None:
            ui.verdictFacts.text = ""
            return
        for row in trust.verdict.get("rows", ()):
            words = [str(row.get(name) or "") for name in ("name", "outcome", "detail")]
            if row.get("code"):
                words[2] = f"{row['code']} {words[2]}".strip()
            item = qt.QTreeWidgetItem(words)
            if row.get("outcome") in ("fail", "pass"):
                tone = Tone.BAD if row["outcome"] == "fail" else Tone.GOOD
                item.setForeground(1, qt.QBrush(tone_colour(tone, dark=dark)))
            ui.verdictTree.addTopLevelItem(item)
        for column in (0, 1):
            ui.verdictTree.resizeColumnToContents(column)
        ui.verdictFacts.text = "\n".join(_facts(trust))


def _facts(trust: Trust) -> list[str]:
    lines = []
    for words, name in _FACTS:
        value = trust.verdict.get(name)
        if isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        if value:
            lines.append(f"{words}: {_in_groups(str(value))}")
    return lines


def _in_groups(value: str) -> str:
    """Return a digest in groups that can be compared by eye and wrapped; else the value itself."""
    if len(value) != 64 or not value.isalnum():
        return value
    return " ".join(value[at : at + 16] for at in range(0, 64, 16))
