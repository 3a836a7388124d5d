"""Dose comparisons ordered by hand: two small doses, a contour stack and a mask, and what is asked.

The doses are a blob of 60 Gy and the same one shifted by 1.5 mm along z and 1 % higher: their
truth is known by the library itself, which the tests call directly.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from Testing.Integration.orders import RESULT_KEY, draft, end_of, post, put_object

from encryptsecurert_protocol.dose_jobs import (
    DOSE_COMPARE_TASK,
    OUTPUTS,
    DoseCompareParameters,
    DoseFacts,
)
from encryptsecurert_protocol.dose_options import AgreementOptions, GammaOptions, Normalisation
from encryptsecurert_protocol.dose_profiles import ProfileLine
from encryptsecurert_protocol.dvh_options import CurveCriteria, DoseGoal, DvhOptions
from encryptsecurert_protocol.events import EndEvent
from encryptsecurert_protocol.jobs import job_digest
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.results import open_result
from encryptsecurert_protocol.structures import (
    MaskGrid,
    StructureEntry,
    StructureForm,
    StructuresHeader,
    pack_structures,
)
from encryptsecurert_protocol.volumes import VolumeHeader
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dvh import ContourStructure, MaskStructure, PlanarContour
from encryptsecurert_rt.geometry import ImageGrid
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome

FRAME, OTHER_FRAME = "2.25.31", "2.25.32"
STRUCTURE_SET = "2.25.33"
BALL, BAR = 4, 7  # numbers of the structures: contours, a mask
GRID = ImageGrid(
    shape=(20, 24, 24),
    spacing_mm=(3.0, 2.5, 2.5),
    origin_lps_mm=(-28.75, -28.75, -28.5),
    direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
)


def blob(grid: ImageGrid = GRID, *, shift_mm: float = 0.0, factor: float = 1.0) -> DoseGrid:
    """Return a dose of 60 Gy in the middle that falls off to all sides."""
    k, j, i = np.indices(grid.shape, dtype=np.float64)
    matrix = grid.ijk_to_lps
    x, y, z = (
        matrix[a, 0] * i + matrix[a, 1] * j + matrix[a, 2] * k + matrix[a, 3] for a in range(3)
    )
    radius2 = (x**2 + y**2 + (z - shift_mm) ** 2) / 20.0**2
    return DoseGrid(dose_gy=np.ascontiguousarray(factor * 60.0 * np.exp(-(radius2**2))), grid=grid)


REFERENCE, EVALUATED = blob(), blob(shift_mm=1.5, factor=1.01)


def dose_octets(dose: DoseGrid, *, frame: str = FRAME, **changes: Any) -> bytes:
    """Return a dose as the octets of a volume object; `changes` replace members of its header."""
    grid = dose.grid
    header = VolumeHeader(
        shape=grid.shape,
        dtype="float64",
        spacing_mm=grid.spacing_mm,
        origin_mm=grid.origin_lps_mm,
        direction=grid.direction,
        quantity="dose",
        unit="Gy",
        frame_of_reference=frame,
        slice_uids=("2.25.40",) * grid.shape[0],
    )
    return replace(header, **changes).frame_head() + dose.dose_gy.astype("<f8").tobytes()


def ball() -> ContourStructure:
    """Return a ball of 14 mm in the middle, as circles 3 mm apart."""
    angle = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    heights = np.arange(-12.0, 13.0, 3.0)
    rings = []
    for z in heights:
        radius = np.sqrt(14.0**2 - z**2)
        ring = np.column_stack((radius * np.cos(angle), radius * np.sin(angle), np.full(64, z)))
        rings.append(PlanarContour(points_lps_mm=ring))
    return ContourStructure(contours=tuple(rings))


def bar() -> MaskStructure:
    """Return a bar along z inside the grid, as voxels of it."""
    mask = np.zeros(GRID.shape, np.bool_)
    mask[2:-2, 8:12, 8:12] = True
    return MaskStructure(mask=mask, grid=GRID)


def structure_octets(
    contours: ContourStructure | None = None,
    mask: npt.NDArray[np.bool_] | None = None,
    *,
    frame: str = FRAME,
) -> bytes:
    """Return the ball and the bar, or others in their place, as an object of structures."""
    points = [c.points_lps_mm for c in (contours or ball()).contours]
    header = StructuresHeader(
        frame_of_reference=frame,
        structure_set=STRUCTURE_SET,
        grid=MaskGrid(
            shape=GRID.shape,
            spacing_mm=GRID.spacing_mm,
            origin_mm=GRID.origin_lps_mm,
            direction=GRID.direction,
        ),
        structures=(
            StructureEntry(
                number=BALL,
                form=StructureForm.CONTOURS,
                points=tuple(len(ring) for ring in points),
            ),
            StructureEntry(number=BAR, form=StructureForm.MASK, points=None),
        ),
    )
    bits = np.packbits(bar().mask if mask is None else mask, bitorder="little")
    return pack_structures(header, [np.concatenate(points).astype("<f8").tobytes(), bits.tobytes()])


def facts(number: int, **changes: Any) -> DoseFacts:
    """Return the facts of a dose of the same patient and study."""
    made = DoseFacts(
        study_instance_uid="2.25.50",
        series_instance_uid=f"2.25.{600 + number}",
        patient_id="PABCDEFGHIJ234567",
        dose_sop_instance_uid=f"2.25.{700 + number}",
        plan_sop_class_uid="1.2.840.10008.5.1.4.1.1.481.5",
        plan_sop_instance_uid="2.25.51",
        dose_summation_type="PLAN",
        dose_type="PHYSICAL",
    )
    return replace(made, **changes)


GAMMA = GammaOptions(
    dose_percent=3.0, distance_mm=2.0, cutoff_percent=10.0, normalisation=Normalisation.GLOBAL
)
DIFFERENCE_ONLY = DoseCompareParameters(reference=facts(1), evaluated=facts(2), difference=True)
EVERYTHING = DoseCompareParameters(
    reference=facts(1),
    evaluated=facts(2),
    gamma=GAMMA,
    difference=True,
    agreement=AgreementOptions(
        radius_mm=6.0, dose_percent=3.0, distance_mm=2.0, cutoff_percent=10.0
    ),
    dvh=DvhOptions(
        prescription_gy=50.0,
        fractions=25,
        targets=(BALL,),
        metrics=("V20Gy[cc]", "D2cc[EQD2Gy(a/b=3)]"),
        comparison=CurveCriteria(dose_percent=2.0, volume_percent=2.0),
    ),
    goals=(
        DoseGoal(
            structure=BALL, metric="D95%[Gy]", relation=">=", value=40.0, unit="Gy", priority=1
        ),
        DoseGoal(structure=BAR, metric="Max[Gy]", relation="<=", value=10.0, unit="Gy", priority=2),
        DoseGoal(structure=99, metric="Mean[Gy]", relation="<", value=20.0, unit="Gy", priority=3),
    ),
    profiles=(ProfileLine(from_lps_mm=(-40.0, 0.0, 0.0), to_lps_mm=(40.0, 0.0, 0.0), step_mm=0.5),),
    isodoses=(30.0, 57.0),
    tg218=True,
    outputs=OUTPUTS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A job at its end: results by name, opened, and what its receipt says."""

    end: EndEvent
    results: Mapping[str, bytes]
    receipt: ReceiptBody | None


def run_comparison(
    channel: Channel,
    home: ClientHome,
    parameters: DoseCompareParameters,
    *contents: bytes,
) -> Finished:
    """Upload doses and structures, order, follow, and open what was made."""
    kinds = (ObjectKind.VOLUME, ObjectKind.VOLUME, ObjectKind.STRUCTURES)
    names = tuple(
        put_object(channel, home, content, kind)
        for content, kind in zip(contents, kinds, strict=False)
    )
    header = draft(
        channel, home, task=DOSE_COMPARE_TASK, inputs=names, parameters=parameters.as_json()
    )
    post(channel, header, home.user().key)
    end = end_of(channel, header.job)
    digest = job_digest(header.encode()).hex()
    results = {}
    for name, _ in end.results:
        sealed = channel.request("GET", f"/v1/results/{header.job}/{name}").content
        results[name] = bytes(open_result(sealed, job_sha256=digest, key=RESULT_KEY, name=name))
    body = None
    if "receipt" in results:
        body = ReceiptBody.decode(Receipt.decode(results["receipt"]).body)
        told = {name: hashlib.sha256(octets).hexdigest() for name, octets in results.items()}
        assert dict(body.outputs) == {n: d for n, d in told.items() if n != "receipt"}
    return Finished(end=end, results=results, receipt=body)
