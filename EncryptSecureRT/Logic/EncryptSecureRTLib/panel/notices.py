"""The message frame: what happened and what to do, until it is dismissed."""

from collections.abc import Callable, Mapping
from typing import Any

from EncryptSecureRTLib.panel.icons import is_dark, tone_colour
from EncryptSecureRTLib.panel.render import colour_text
from EncryptSecureRTLib.panel.state import Notice, Offer, Tone
from EncryptSecureRTLib.panel.words import _

_MARKS = {Tone.GOOD: "✓", Tone.INFO: "●", Tone.BAD: "⚠"}
_MOST_LINES = 10  # of details before one has to scroll
BUTTONS = {
    Offer.SEAL_STUDY: _("Seal this stud&y..."),
    Offer.CANCEL_JOB: _("Cancel the &job"),
    Offer.SHOW_RESULT: _("Show o&n the CT"),
    Offer.SHOW_MAPS: _("Show i&n the views"),
}


class NoticeFrame:
    """Shows a notice and does what its button offers.

    Parameters
    ----------
    actions : what to do for each offer; one that is not there has no button.
    """

    def __init__(self, ui: Any, actions: Mapping[Offer, Callable[[], None]]) -> None:
        self._ui, self._actions = ui, actions
        self._notice: Notice | None = None
        self._dismissed: Notice | None = None
        ui.dismissButton.connect("clicked(bool)", self._dismiss)
        ui.detailsButton.connect("toggled(bool)", self._show_details)
        ui.actionButton.connect("clicked(bool)", self._act)
        self.show(None)

    def show(self, notice: Notice | None) -> None:
        """Show a notice, or none; one that was dismissed stays away."""
        if notice is not None and notice is self._dismissed:
            return
        ui = self._ui
        ui.messageFrame.setVisible(notice is not None)
        if notice is not None:
            dark = is_dark(ui.messageFrame)
            colour_text(ui.messageIcon, tone_colour(notice.tone, dark=dark))
        if notice is self._notice and notice is not None:
            return
        self._notice, self._dismissed = notice, None
        if notice is None:
            return
        ui.messageIcon.text = _MARKS[notice.tone]
        ui.messageLabel.text = f"{notice.what} {notice.todo}".strip()
        ui.detailsButton.setVisible(bool(notice.details))
        ui.detailsButton.checked = False
        ui.detailsText.plainText = "\n".join(notice.details)
        line_px = ui.detailsText.fontMetrics().lineSpacing()
        ui.detailsText.setFixedHeight(line_px * min(len(notice.details) + 2, _MOST_LINES))
        self._show_details(False)
        offered = notice.offer is not None and notice.offer in self._actions
        ui.actionButton.setVisible(offered)
        if notice.offer is not None:
            ui.actionButton.text = BUTTONS[notice.offer]
        if notice.tone is Tone.BAD:
            ui.messageLabel.setFocus()

    def _dismiss(self, _checked: bool = False) -> None:
        self._dismissed = self._notice
        self._ui.messageFrame.setVisible(False)

    def _show_details(self, checked: bool) -> None:
        self._ui.detailsText.setVisible(checked)

    def _act(self, _checked: bool = False) -> None:
        offer = None if self._notice is None else self._notice.offer
        if offer is not None and offer in self._actions:
            self._actions[offer]()
