"""The pictures of the tutorial: each state of the panel, brought about by a user's clicks.

Every picture is taken twice, light and dark, and carries the words "synthetic data". What stands in
for Slicer's slice views is drawn from the scene's nodes, see `slices`.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from Testing.host.pictures import Look, looking
from Testing.Panel.bench import PanelBench
from Testing.Panel.clinic import Clinic
from Testing.Panel.dose_pictures import draw_chart, map_pictures
from Testing.Panel.doses import choose_pair
from Testing.Panel.imported import import_series, pseudonym_of
from Testing.Panel.slices import stamp, with_pictures, with_slices, with_tooltip

WIDTH_PX = 520
_LARGE = (160, 256, 256)


class Gallery:
    """Takes the pictures, one after another, into a folder.

    Parameters
    ----------
    themes : names of the themes to take each picture in.
    """

    def __init__(
        self, bench: PanelBench, clinic: Clinic, folder: Path, themes: tuple[str, ...]
    ) -> None:
        self.bench, self.clinic, self.folder, self.themes = bench, clinic, folder, themes
        self.taken: list[str] = []

    def take(
        self,
        name: str,
        *,
        over: tuple[Any, Any] | None = None,
        maps: tuple[Any, Any] | None = None,
        tip_of: str = "",
    ) -> None:
        """Take a picture of the panel.

        Parameters
        ----------
        over : a CT and its segmentation, whose slices are drawn beside it.
        maps : a map of a comparison and a CT, whose slices are drawn beside it.
        tip_of : the widget whose tooltip is drawn as it appears under the mouse.
        """
        bench = self.bench
        for theme in self.themes:
            dark = theme == "dark"
            path = self.folder / f"{name}-{theme}.png"
            with looking(Look(dark=dark)):
                self._turn()  # the panel draws its icons anew
                bench.host.screenshot(bench.loaded.root, path, width=WIDTH_PX, dark=dark)
            if tip_of:
                with_tooltip(path, bench.named(tip_of), bench.loaded.root)
            if over is not None:
                with_slices(path, *over, dark=dark)
            if maps is not None:
                with_pictures(path, map_pictures(*maps), dark=dark)
            stamp(path, dark=dark)
            self.taken.append(path.name)

    def take_chart(self, name: str, chart: Any) -> None:
        """Take a picture of a chart alone."""
        for theme in self.themes:
            path = self.folder / f"{name}-{theme}.png"
            draw_chart(path, chart, dark=theme == "dark")
            stamp(path, dark=theme == "dark")
            self.taken.append(path.name)

    def _turn(self) -> None:
        turns = iter(range(40))
        self.bench.host.process_events(lambda: next(turns, None) is None, 5.0)

    @contextmanager
    def opened(self, *sections: str) -> Iterator[None]:
        """Open sections, and close them again."""
        for section in sections:
            self.bench.named(section).collapsed = False
        yield
        for section in sections:
            self.bench.named(section).collapsed = True

    @contextmanager
    def held(self, seen: Callable[[], bool]) -> Iterator[None]:
        """Wait until something is to be seen, and have the client stand still meanwhile."""
        self.bench.host.process_events(seen, 60.0)
        children = self.bench.children()
        for child in children:
            os.kill(child, signal.SIGSTOP)
        try:
            yield
        finally:
            for child in children:
                os.kill(child, signal.SIGCONT)


def take_all(gallery: Gallery) -> None:
    """Take every picture of the tutorial."""
    _trust(gallery)
    _job(gallery)
    _troubles(gallery)
    _sealed(gallery)
    _doses(gallery)


def _trust(gallery: Gallery) -> None:
    bench, clinic = gallery.bench, gallery.clinic
    gallery.take("01-first-start")
    bench.connect(clinic.url, clinic.physicist)
    bench.press("testConnectionButton")
    bench.wait_idle()
    gallery.take("02-checks-passed")
    gallery.take("05-what-is-missing", tip_of="applyButton")
    bench.press("trustDetailsButton")
    gallery.take("13-simulated-verdict")
    bench.press("trustDetailsButton")


def _job(gallery: Gallery) -> None:
    bench = gallery.bench
    bench.choose(bench.add_large_phantom(_LARGE))
    bench.press("structuresButton")
    gallery.take("04-ready")
    bench.press("structuresButton")
    run = bench.panel.session
    bench.press("applyButton")
    with gallery.held(lambda: bench.phase == "uploading" and run.state.run.done_bytes > 0):
        gallery.take("06-uploading")
    with (
        gallery.held(lambda: bench.phase == "running" and (run.state.run.fraction or 0) > 0.3),
        gallery.opened("logSection"),
    ):
        gallery.take("07-running")
    with gallery.held(lambda: bench.phase == "running"):
        bench.press("applyButton")
        gallery.take("08-cancelling")
    bench.wait_idle()
    bench.choose(bench.add_phantom())
    bench.press("applyButton")
    bench.wait_idle()
    ct = bench.named("ctSelector").currentNode()
    gallery.take("09-segmented", over=(ct, bench.segmentations()[-1]))
    with gallery.opened("receiptSection"):
        gallery.take("15-receipt")


def _troubles(gallery: Gallery) -> None:
    bench, clinic = gallery.bench, gallery.clinic
    bench.connect("https://127.0.0.1:9", clinic.physicist)
    bench.press("testConnectionButton")
    bench.wait_idle()
    bench.press("detailsButton")
    gallery.take("12-error-with-details")
    bench.press("dismissButton")
    bench.named("logSection").collapsed = True
    bench.connect(clinic.url, clinic.stranger)
    bench.press("testConnectionButton")
    bench.wait_idle()
    gallery.take("03-refused")


def _sealed(gallery: Gallery) -> None:
    bench, clinic = gallery.bench, gallery.clinic
    bench.connect(clinic.url, clinic.physicist)
    series = import_series(bench, gallery.folder / "clear-series")
    bench.choose(series.node)
    gallery.take("16-clear-study")
    bench.press("sealStudyButton")
    bench.wait_idle()
    gallery.take("17-sealed-study")
    clinic.open_case(pseudonym_of(bench, series.node))
    bench.press("whoButton")
    bench.host.process_events(lambda: not bench.panel.who.busy, 60.0)
    gallery.take("18-who-is-this")


def _doses(gallery: Gallery) -> None:
    bench, clinic = gallery.bench, gallery.clinic
    bench.connect(clinic.url, clinic.physicist)
    ct, (planned, moved, structures) = bench.add_phantom(), bench.add_doses()
    choose_pair(bench, planned, moved, structures)
    bench.named("backgroundSelector").setCurrentNode(ct)
    bench.named("prescriptionSpinBox").value = 50.0
    gallery.take("19-doses-chosen")
    bench.press("applyButton")
    bench.wait_idle()
    bench.named("resultTable").setCurrentCell(1, 0)
    node = bench.host.slicer.mrmlScene.GetNodeByID
    compared = bench.panel.session.state.outcome.compared
    gallery.take("10-doses-compared", maps=(node(compared.gamma_id), ct))
    gallery.take_chart("11-dvh", node(compared.chart_id))
