"""Address, client folder and patience: the user's settings as widgets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from EncryptSecureRTLib.panel.address import home_problem, url_problem
from EncryptSecureRTLib.panel.icons import is_dark, tone_colour
from EncryptSecureRTLib.panel.render import colour_text
from EncryptSecureRTLib.panel.session import Connection
from EncryptSecureRTLib.panel.settings import DEFAULT_PATIENCE_S, Settings
from EncryptSecureRTLib.panel.state import Tone
from EncryptSecureRTLib.panel.words import _


class ConnectionForm:
    """The widgets that say which worker, and as whom.

    Parameters
    ----------
    changed : called with the new connection, None as long as something is missing or wrong.
    """

    def __init__(
        self, ui: Any, settings: Settings, changed: Callable[[Connection | None], None]
    ) -> None:
        self._ui, self._settings, self._changed = ui, settings, changed
        self._filling = False
        self.show()
        ui.urlComboBox.lineEdit().placeholderText = "https://worker.site:8443"
        ui.urlComboBox.connect("currentTextChanged(QString)", lambda _text: self._edited())
        ui.homePathEdit.connect("currentPathChanged(QString)", lambda _path: self._home_edited())
        ui.patienceSpinBox.connect("valueChanged(int)", self._patience_edited)
        ui.resetButton.connect("clicked(bool)", self._reset)
        ui.withdrawButton.connect("clicked(bool)", self._withdraw)

    def show(self) -> None:
        """Show what the settings hold."""
        ui, settings = self._ui, self._settings
        self._filling = True
        ui.urlComboBox.clear()
        ui.urlComboBox.addItems(list(settings.urls))
        ui.urlComboBox.setEditText(settings.url)
        ui.homePathEdit.currentPath = str(settings.home)
        ui.patienceSpinBox.value = settings.patience_s
        self._filling = False
        self._show_problem()

    @property
    def problem(self) -> str:
        """What is missing or wrong; empty if nothing is."""
        return url_problem(self._url) or home_problem(self._settings.home)

    @property
    def connection(self) -> Connection | None:
        """What is entered, if it can be used."""
        if self.problem:
            return None
        settings = self._settings
        return Connection(url=self._url, home=settings.home, patience_s=settings.patience_s)

    def used(self) -> None:
        """Keep the address in the list: somebody has tried it."""
        self._settings.use_url(self._url)
        if self._ui.urlComboBox.findText(self._url) < 0:
            self._filling = True
            self._ui.urlComboBox.insertItem(0, self._url)
            self._ui.urlComboBox.setEditText(self._url)
            self._filling = False

    @property
    def _url(self) -> str:
        return str(self._ui.urlComboBox.currentText).strip().rstrip("/")

    def _edited(self) -> None:
        if not self._filling:
            self._show_problem()
            self._changed(self.connection)

    def _home_edited(self) -> None:
        if not self._filling:
            self._settings.home = Path(str(self._ui.homePathEdit.currentPath))
            self._edited()

    def _patience_edited(self, seconds: int) -> None:
        if not self._filling:
            self._settings.patience_s = seconds
            self._edited()

    def _show_problem(self) -> None:
        label, url = self._ui.urlProblem, self._url
        words = self.problem
        if not url:
            words = _("Enter the address that your key custodian gave you.")
        label.text = words
        label.setVisible(bool(words))
        tone = Tone.BAD if url else Tone.INFO
        colour_text(label, tone_colour(tone, dark=is_dark(label)))

    def _reset(self, _checked: bool = False) -> None:
        self._settings.forget_home()
        self._settings.patience_s = DEFAULT_PATIENCE_S
        self.show()
        self._changed(self.connection)

    def _withdraw(self, _checked: bool = False) -> None:
        self._settings.withdraw_consents()
