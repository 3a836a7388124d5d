"""Reads what a dose comparison is given: two doses, structures, and how their frames lie."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.dvh_options import EndCaps as AskedEndCaps
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.structures import (
    MaskGrid,
    StructureEntry,
    StructuresHeader,
    unpack_structures,
)
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume
from encryptsecurert_rt.dose.grid import DoseGrid, RigidTransform, index_map
from encryptsecurert_rt.dose.sampling import snap_to_nodes, voxel_indices
from encryptsecurert_rt.dvh import ContourStructure, EndCaps, MaskStructure, PlanarContour
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

_END_CAPS = {
    AskedEndCaps.HALF_SLICE: EndCaps.HALF_SLICE,
    AskedEndCaps.NONE: EndCaps.NONE,
    AskedEndCaps.ROUNDED: EndCaps.ROUNDED,
}
_VOXELS_AT_ONCE = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumberedStructure:
    """A structure of the reference's frame of reference, by its number."""

    number: int
    structure: ContourStructure | MaskStructure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseInputs:
    """What is to be compared.

    Attributes
    ----------
    reference, evaluated : each in its own frame of reference.
    reference_to_evaluated : None if both frames are one.
    frame_of_reference : of the reference and of the structures, mapped UID.
    structure_set : mapped UID, or None.
    structures : in the order of the input.
    unusable : numbers of those that cannot be made: not planar, without a voxel, and the like.
    """

    reference: DoseGrid
    evaluated: DoseGrid
    reference_to_evaluated: RigidTransform | None
    frame_of_reference: str
    structure_set: str | None
    structures: tuple[NumberedStructure, ...]
    unusable: tuple[int, ...] = ()


def registration_of(asked: DoseCompareParameters) -> RigidTransform | None:
    """Return the registration, refused with E_PARAMETERS unless it is rigid."""
    if asked.registration is None:
        return None
    try:
        return RigidTransform(matrix=np.array(asked.registration).reshape(4, 4))
    except InvalidInput:
        raise EncryptSecureRTError(
            ErrorCode.E_PARAMETERS, "the registration is not rigid"
        ) from None


def read_inputs(
    inputs: Sequence[memoryview],
    asked: DoseCompareParameters,
    refused: Callable[[int], None],
) -> DoseInputs:
    """Return the inputs of a comparison.

    Parameters
    ----------
    inputs : two framed volumes, then none or one framed set of structures.
    asked : DoseCompareParameters
    refused : called with the number of each structure that cannot be used.

    Raises
    ------
    EncryptSecureRTError
        E_PATIENT_MIX, E_DOSE, E_FRAME_OF_REFERENCE, E_PARAMETERS, E_GEOMETRY, E_OVERLAP,
        E_STRUCTURES, if none can be used, as section 25 of docs/protocol.md says; E_FORMAT,
        E_TOO_LARGE of the framing.
    """
    if asked.reference.patient_id != asked.evaluated.patient_id:
        raise EncryptSecureRTError(ErrorCode.E_PATIENT_MIX)
    (of_reference, reference), (of_evaluated, evaluated) = map(read_dose, inputs[:2])
    one_frame = of_reference.frame_of_reference == of_evaluated.frame_of_reference
    transform = registration_of(asked)
    if one_frame is not (transform is None):
        raise EncryptSecureRTError(ErrorCode.E_FRAME_OF_REFERENCE)
    refuse_apart(reference, evaluated, transform)
    header: StructuresHeader | None = None
    structures: tuple[NumberedStructure, ...] = ()
    unusable: tuple[int, ...] = ()
    if len(inputs) > len((reference, evaluated)):
        header, payloads = unpack_structures(inputs[2])
        if header.frame_of_reference != of_reference.frame_of_reference:
            raise EncryptSecureRTError(ErrorCode.E_FRAME_OF_REFERENCE, "of the structures")
        structures, unusable = _structures(header, payloads, asked, refused)
    if asked.dvh is not None and not structures:
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "histograms need structures")
    return DoseInputs(
        reference=reference,
        evaluated=evaluated,
        reference_to_evaluated=transform,
        frame_of_reference=of_reference.frame_of_reference,
        structure_set=None if header is None else header.structure_set,
        structures=structures,
        unusable=unusable,
    )


def read_dose(octets: memoryview) -> tuple[VolumeHeader, DoseGrid]:
    """Return (header, dose) of a framed volume; E_DOSE, E_GEOMETRY, or errors of the framing."""
    header, voxels = unpack_volume(octets)
    if header.quantity != "dose":
        raise EncryptSecureRTError(ErrorCode.E_DOSE)
    grid = _grid(header)
    # A copy: the voxels begin at any octet, and the kernels take aligned numbers only.
    dose_gy = np.frombuffer(voxels, "<f8").reshape(header.shape).astype(np.float64)
    try:
        dose = DoseGrid(dose_gy=dose_gy, grid=grid)
    except InvalidInput:
        raise EncryptSecureRTError(ErrorCode.E_DOSE) from None
    if dose.maximum_gy == 0.0:
        raise EncryptSecureRTError(ErrorCode.E_DOSE, "there is no dose")
    return header, dose


def _grid(header: VolumeHeader | MaskGrid) -> ImageGrid:
    try:
        return ImageGrid(
            shape=header.shape,
            spacing_mm=header.spacing_mm,
            origin_lps_mm=header.origin_mm,
            direction=header.direction,
        )
    except InvalidInput:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY) from None


def refuse_apart(
    reference: DoseGrid, evaluated: DoseGrid, transform: RigidTransform | None
) -> None:
    """Refuse with E_OVERLAP unless a voxel of the reference lies inside the evaluated grid."""
    matrix = index_map(reference.grid, evaluated.grid, transform)
    for first in range(0, reference.dose_gy.size, _VOXELS_AT_ONCE):
        stop = min(first + _VOXELS_AT_ONCE, reference.dose_gy.size)
        index = voxel_indices(reference.grid, matrix, np.arange(first, stop))
        if snap_to_nodes(index, evaluated.grid).any():
            return
    raise EncryptSecureRTError(ErrorCode.E_OVERLAP)


def _structures(
    header: StructuresHeader,
    payloads: Sequence[memoryview],
    asked: DoseCompareParameters,
    refused: Callable[[int], None],
) -> tuple[tuple[NumberedStructure, ...], tuple[int, ...]]:
    """Return structures and the numbers of those that cannot be made; all is E_STRUCTURES."""
    end_caps = EndCaps.HALF_SLICE if asked.dvh is None else _END_CAPS[asked.dvh.end_caps]
    grid = None if header.grid is None else _grid(header.grid)
    made, unusable = [], []
    for entry, payload in zip(header.structures, payloads, strict=True):
        try:
            structure: ContourStructure | MaskStructure
            if grid is not None and entry.points is None:
                structure = _mask(payload, grid)
            else:
                structure = _contours(entry, payload, end_caps)
        except InvalidInput:
            refused(entry.number)
            unusable.append(entry.number)
            continue
        made.append(NumberedStructure(number=entry.number, structure=structure))
    if not made:
        raise EncryptSecureRTError(ErrorCode.E_STRUCTURES)
    return tuple(made), tuple(unusable)


def _mask(payload: memoryview, grid: ImageGrid) -> MaskStructure:
    voxels = int(np.prod(grid.shape))
    bits = np.unpackbits(np.frombuffer(payload, np.uint8), count=voxels, bitorder="little")
    return MaskStructure(mask=bits.view(np.bool_).reshape(grid.shape), grid=grid)


def _contours(entry: StructureEntry, payload: memoryview, end_caps: EndCaps) -> ContourStructure:
    points = np.frombuffer(payload, "<f8").reshape(-1, 3).astype(np.float64)
    ends = np.cumsum(entry.points or ())
    rings = np.split(points, ends[:-1])
    contours = tuple(PlanarContour(points_lps_mm=np.ascontiguousarray(ring)) for ring in rings)
    return ContourStructure(contours=contours, end_caps=end_caps)
