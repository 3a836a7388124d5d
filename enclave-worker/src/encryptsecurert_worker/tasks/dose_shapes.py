"""Doses along lines and within isodose surfaces: the parts of a comparison that need no map."""

from collections.abc import Sequence

import numpy as np

from encryptsecurert_protocol.dose_isodoses import IsodosePart
from encryptsecurert_protocol.dose_profiles import Doses, FieldFigures, ProfileLine, ProfilePart
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.dose.grid import FloatArray
from encryptsecurert_rt.dose.isodose import compare_isodoses
from encryptsecurert_rt.dose.profile import dose_profile, field_metrics
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.progress import Progress
from encryptsecurert_worker.tasks.dose_inputs import DoseInputs


def isodose_parts(
    given: DoseInputs, levels_gy: Sequence[float], progress: Progress, *, threads: int
) -> tuple[IsodosePart, ...]:
    """Return what both doses enclose at each level.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS of a plane and a volume, or of a line of voxels.
    Cancelled
    """
    try:
        measures = compare_isodoses(
            given.reference,
            given.evaluated,
            levels_gy,
            reference_to_evaluated=given.reference_to_evaluated,
            threads=threads,
            progress=progress,
        )
    except InvalidInput:
        detail = "isodoses are of two volumes, or of two planes"
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, detail) from None
    return tuple(
        IsodosePart(
            level_gy=one.level_gy,
            unit=one.unit,
            reference=one.reference,
            evaluated=one.evaluated,
            common_reference=one.common_reference,
            common_evaluated=one.common_evaluated,
            both=one.both,
            dice=one.dice,
        )
        for one in measures
    )


def profile_parts(
    given: DoseInputs, lines: Sequence[ProfileLine], progress: Progress
) -> tuple[ProfilePart, ...]:
    """Return both doses along each line."""
    found = []
    for number, line in enumerate(lines):
        progress("profile", number / len(lines))
        found.append(_profile(given, line))
    return tuple(found)


def _profile(given: DoseInputs, line: ProfileLine) -> ProfilePart:
    profile = dose_profile(
        given.reference,
        given.evaluated,
        start_lps_mm=line.from_lps_mm,
        end_lps_mm=line.to_lps_mm,
        step_mm=line.step_mm,
        reference_to_evaluated=given.reference_to_evaluated,
    )
    position_mm = profile.position_mm
    return ProfilePart(
        line=line,
        position_mm=tuple(position_mm.tolist()),
        reference_gy=_known(profile.reference_gy),
        evaluated_gy=_known(profile.evaluated_gy),
        reference_field=_field(position_mm, profile.reference_gy),
        evaluated_field=_field(position_mm, profile.evaluated_gy),
    )


def _known(dose_gy: FloatArray) -> Doses:
    return tuple(None if np.isnan(value) else value for value in dose_gy.tolist())


def _field(position_mm: FloatArray, dose_gy: FloatArray) -> FieldFigures | None:
    """Return the figures of the part inside the dose, which is one piece: a grid has no holes."""
    inside = np.isfinite(dose_gy)
    try:
        found = field_metrics(position_mm[inside], dose_gy[inside])
    except InvalidInput:  # it does not fall to half on both sides, or there is next to nothing
        return None
    return FieldFigures(
        axis_mm=found.axis_mm,
        axis_gy=found.axis_dose,
        left_mm=found.left_mm,
        right_mm=found.right_mm,
        field_size_mm=found.field_size_mm,
        centre_mm=found.centre_mm,
        penumbra_left_mm=found.penumbra_left_mm,
        penumbra_right_mm=found.penumbra_right_mm,
        flattened_mm=found.flattened_mm,
        flatness_percent=found.flatness_percent,
        symmetry_percent=found.symmetry_percent,
    )
