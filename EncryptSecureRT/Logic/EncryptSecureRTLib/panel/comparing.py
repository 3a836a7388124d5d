"""The order "compare doses": two doses and structures to the worker, maps and figures back.

Voxels are written from the nodes, in Gy, unless both doses are protected files as they were read:
then the client reads the files itself, and the results belong to that study. Shapes of structures
are sent by number; their names stay here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from EncryptSecureRTLib.client.process import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.panel.compared import Compared
from EncryptSecureRTLib.panel.criteria import Criteria
from EncryptSecureRTLib.panel.doselabels import harmless_labels
from EncryptSecureRTLib.panel.messages import compared_notice
from EncryptSecureRTLib.panel.orders import DISPLAY, RESULTS
from EncryptSecureRTLib.panel.state import Notice, Outcome
from EncryptSecureRTLib.panel.workfolder import renew
from EncryptSecureRTLib.scene.dose_results import LoadedDoseResults, load_dose_results
from EncryptSecureRTLib.scene.dose_voxels import DoseUids, writing_dose
from EncryptSecureRTLib.scene.structure_masks import SegmentFacts, segment_facts, writing_structures

_REFERENCE, _EVALUATED = "reference.bin", "evaluated.bin"
_STRUCTURES, _NAMES = "structures.bin", "names.csv"
Sources = tuple[Path, Path] | tuple[DoseUids, DoseUids]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseNodes:
    """The nodes of a comparison.

    Attributes
    ----------
    reference, evaluated : vtkMRMLScalarVolumeNode
    structures : vtkMRMLSegmentationNode, or None.
    gamma, difference : vtkMRMLScalarVolumeNode without voxels to fill; None for new ones.
    """

    reference: Any
    evaluated: Any
    structures: Any = None
    gamma: Any = None
    difference: Any = None


class CompareOrder:
    """One comparison, with its parameters as they were at the click.

    Parameters
    ----------
    sources : files of two protected doses, as they were read; or the UIDs under which to send the
        nodes' own voxels, of one frame of reference.
    """

    command = "dose-compare"

    def __init__(self, nodes: DoseNodes, criteria: Criteria, sources: Sources) -> None:
        self._nodes, self._criteria, self._sources = nodes, criteria, sources
        self._segments: Mapping[int, SegmentFacts] = {}
        self._labels: dict[int, str] = {}

    def prepare(self, folder: Path) -> Iterator[tuple[int, int]]:
        """Write the voxels, if they come from the nodes, and the shapes of structures."""
        renew(folder / DISPLAY)
        nodes, (reference, evaluated) = self._nodes, self._sources
        if isinstance(reference, DoseUids) and isinstance(evaluated, DoseUids):
            yield from writing_dose(nodes.reference, folder / _REFERENCE, reference)
            yield from writing_dose(nodes.evaluated, folder / _EVALUATED, evaluated)
        if nodes.structures is None:
            return
        segment_ids = [one.segment_id for one in segment_facts(nodes.structures)]
        written = yield from writing_structures(
            nodes.structures, folder / _STRUCTURES, segment_ids, _frame(reference)
        )
        self._segments = written.segments
        self._labels = harmless_labels(written.segments)
        _write_names(folder / _NAMES, self._labels)

    def request(self, folder: Path) -> Mapping[str, object]:
        """Return what the client needs to know."""
        places, suffix = (folder / _REFERENCE, folder / _EVALUATED), "_volume"
        if isinstance(self._sources[0], Path):
            places, suffix = self._sources, ""
        members: dict[str, object] = {
            f"dose_reference{suffix}": str(places[0]),
            f"dose_evaluated{suffix}": str(places[1]),
            **self._criteria.request(),
            "out": str(folder / RESULTS),
            "display": str(folder / DISPLAY),
        }
        if self._segments:
            members["dose_structures_object"] = str(folder / _STRUCTURES)
            members["dose_names"] = str(folder / _NAMES)
            members["dose_with_names"] = True  # none of them is a person's, see `harmless_labels`
        return members

    def load(self, folder: Path, outcome: Outcome) -> Iterator[Outcome]:
        """Load maps, curves and table; the last outcome names the nodes and holds the figures."""
        # Late: they bring pydicom, and a panel is to open in an instant.
        from EncryptSecureRTLib.client.dose_display import read_dose_display
        from EncryptSecureRTLib.panel.comparison import compared_of, scene_results

        yield outcome
        found = read_dose_display(folder / DISPLAY)
        yield outcome
        compared = compared_of(found, self._segments)
        results = scene_results(found, self._segments, self._labels)
        nodes = self._nodes
        loading = load_dose_results(
            nodes.reference, results, into_gamma=nodes.gamma, into_difference=nodes.difference
        )
        loaded = None
        while loaded is None:
            try:
                next(loading)
            except StopIteration as done:
                loaded = done.value
            else:
                yield outcome
        compared = _with_nodes(compared, loaded, nodes.structures)
        yield replace(
            outcome,
            warnings=compared.warnings,
            compared=compared,
            node_id=compared.gamma_id or compared.difference_id,
        )

    def notice(self, outcome: Outcome) -> Notice:
        """Say the pass rate, by which criteria, and how long it took."""
        if outcome.compared is None:
            raise EncryptSecureRTError(ErrorCode.E_INTERNAL, "nothing was compared")
        compared, took_s = outcome.compared, outcome.took_s
        return compared_notice(compared.rate, compared.criteria, took_s, outcome.simulated)


def _frame(reference: Path | DoseUids) -> str:
    """Return the frame of reference that the reference dose is sent under."""
    if isinstance(reference, DoseUids):
        return reference.frame_of_reference
    from EncryptSecureRTLib.client.dose_display import frame_of

    return frame_of(reference)


def _write_names(path: Path, labels: Mapping[int, str]) -> None:
    lines = "".join(f"{number},{label}\n" for number, label in labels.items())
    try:
        path.write_text(lines, "utf-8")
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the names of structures") from None


def _with_nodes(compared: Compared, loaded: LoadedDoseResults, structures: Any) -> Compared:
    def id_of(node: Any) -> str:
        return "" if node is None else str(node.GetID())

    return replace(
        compared,
        gamma_id=id_of(loaded.gamma),
        difference_id=id_of(loaded.difference),
        table_id=id_of(loaded.table),
        chart_id=id_of(loaded.chart),
        structures_id=id_of(structures),
    )
