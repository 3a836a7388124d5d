"""The order "segment": a CT node to the worker, structures back onto the same CT.

Voxels are written from the node, unless the node is a protected series as it was read: then the
client reads the files itself, and the results belong to that series.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from EncryptSecureRTLib.client.display import Display, DisplayStructure, read_display
from EncryptSecureRTLib.client.process import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.panel.messages import done_notice
from EncryptSecureRTLib.panel.orders import DISPLAY, RESULTS
from EncryptSecureRTLib.panel.state import Notice, Outcome, Structure
from EncryptSecureRTLib.panel.workfolder import renew
from EncryptSecureRTLib.scene.geometry import GridGeometry, volume_grid
from EncryptSecureRTLib.scene.segmentations import DisplaySegment, load_segments
from EncryptSecureRTLib.scene.voxels import SeriesUids, writing_volume

_VOLUME = "volume.bin"
_OUTPUTS = ("rtstruct", "seg")
_SAME_MM = 0.01


class SegmentOrder:
    """One segmentation, with its parameters as they were at the click.

    Parameters
    ----------
    ct : vtkMRMLScalarVolumeNode
    structures : keys of the structures to find.
    series : folder of the protected series that the node is, as it was read; or the UIDs under
        which to send the node's own voxels.
    show3d : make surfaces, too.
    output : vtkMRMLSegmentationNode without segments to fill; without one a new node is made.
    """

    command = "segment"

    def __init__(
        self,
        ct: Any,
        structures: tuple[str, ...],
        series: Path | SeriesUids,
        *,
        show3d: bool = False,
        output: Any = None,
    ) -> None:
        self._ct, self._structures, self._series = ct, structures, series
        self._show3d, self._output = show3d, output

    def prepare(self, folder: Path) -> Iterator[tuple[int, int]]:
        """Write the voxels, if they come from the node."""
        renew(folder / DISPLAY)
        if isinstance(self._series, SeriesUids):
            yield from writing_volume(self._ct, folder / _VOLUME, self._series)

    def request(self, folder: Path) -> Mapping[str, object]:
        """Return what the client needs to know."""
        source: dict[str, object] = {"series": str(self._series)}
        if isinstance(self._series, SeriesUids):
            source = {"volume": str(folder / _VOLUME)}
        return {
            **source,
            "structures": list(self._structures),
            "outputs": list(_OUTPUTS),
            "out": str(folder / RESULTS),
            "display": str(folder / DISPLAY),
        }

    def load(self, folder: Path, outcome: Outcome) -> Iterator[Outcome]:
        """Load the structures; the last outcome names the node and its structures."""
        display = read_display(folder / DISPLAY)
        rows = tuple(_row(structure) for structure in display.structures)
        loading = load_segments(
            self._ct,
            (_segment(structure) for structure in display.structures),
            slices_reversed=_is_reversed(self._ct, display),
            closed_surface=self._show3d,
            into=self._output,
        )
        node = None
        while node is None:
            try:
                next(loading)
            except StopIteration as done:
                node = done.value
            else:
                yield outcome
        yield replace(outcome, structures=rows, node_id=node.GetID())

    def notice(self, outcome: Outcome) -> Notice:
        """Say how many structures were found, and how long it took."""
        found = sum(not structure.empty for structure in outcome.structures)
        return done_notice(found, outcome.took_s, simulated=outcome.simulated)


def _row(structure: DisplayStructure) -> Structure:
    return Structure(
        key=structure.key,
        label=structure.label,
        colour=structure.colour,
        volume_cc=structure.volume_cc,
        empty=structure.path is None,
        touches_border=structure.touches_border,
    )


def _segment(structure: DisplayStructure) -> DisplaySegment:
    return DisplaySegment(
        key=structure.key,
        label=structure.label,
        rgb=structure.colour,
        offset_kji=structure.offset_kji,
        mask=structure.mask(),
    )


def _is_reversed(ct: Any, display: Display) -> bool:
    """Tell whether slices were sent from the node's last one to its first.

    Raises
    ------
    EncryptSecureRTError
        E_GEOMETRY if what came back lies on another grid than the node.
    """
    if display.grid is None:
        return False
    grid = display.grid
    sent = GridGeometry(
        shape=grid.shape,
        spacing_mm=grid.spacing_mm,
        origin_lps_mm=grid.origin_lps_mm,
        direction=grid.direction,
    )
    here = volume_grid(ct, apply_transform=True)
    if _same(here, sent):
        return False
    if _same(here.with_slices_reversed(), sent):
        return True
    detail = "the volume in the scene is not the series that was sent"
    raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, detail)


def _same(one: GridGeometry, other: GridGeometry) -> bool:
    """Tell whether two grids have their voxels at the same places, to a hundredth of a mm."""
    if one.shape != other.shape:
        return False
    last = [(n - 1) for n in one.shape[::-1]]
    corners = [(i, j, k, 1) for i in (0, last[0]) for j in (0, last[1]) for k in (0, last[2])]
    return all(
        abs(one.ijk_to_lps @ corner - other.ijk_to_lps @ corner).max() < _SAME_MM
        for corner in corners
    )
