"""The tabs that choose a task: one page is shown, the others are hidden."""

from collections.abc import Callable
from typing import Any

import qt

from EncryptSecureRTLib.panel.pages import Page
from EncryptSecureRTLib.panel.render import switch
from EncryptSecureRTLib.panel.view import Switch
from EncryptSecureRTLib.panel.words import _

_TIP = _("What is to be done.")


class TaskTabs:
    """The tab bar and its pages.

    Parameters
    ----------
    ui : has the layout `tasksLayout`.
    chosen : called after the user has chosen another task.

    Attributes
    ----------
    page : the one that is shown.
    """

    def __init__(self, ui: Any, pages: tuple[Page, ...], chosen: Callable[[], None]) -> None:
        self.pages, self.page = pages, pages[0]
        self._chosen = chosen
        self._bar = qt.QTabBar()
        self._bar.objectName = "taskTabs"
        self._bar.accessibleName = _("Task")
        self._bar.toolTip = _TIP
        self._bar.expanding = False
        for page in pages:
            self._bar.addTab(page.task.title)
        ui.tasksLayout.addWidget(self._bar)
        self._show()
        self._bar.connect("currentChanged(int)", self._tab_chosen)

    def choose(self, key: str) -> None:
        """Show the page of a task; an unknown one, of a later version's scene, is the first."""
        found = (page for page in self.pages if page.task.key == key)
        self.page = next(found, self.pages[0])
        self._show()

    def allow(self, wanted: Switch) -> None:
        """Let the task be changed, or say why not."""
        switch(self._bar, wanted, _TIP)

    def _tab_chosen(self, place: int) -> None:
        if 0 <= place < len(self.pages) and self.pages[place] is not self.page:
            self.page = self.pages[place]
            self._show()
            self._chosen()

    def _show(self) -> None:
        for page in self.pages:
            page.set_visible(page is self.page)
        self._bar.currentIndex = self.pages.index(self.page)
