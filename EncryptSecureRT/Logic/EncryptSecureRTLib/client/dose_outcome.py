"""What a finished `dose_compare` job brought: figures, curves and maps, read strictly.

Everything here was named by a verified receipt. What contradicts itself all the same is E_RESULT:
a report must not be made of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.dose_curves import CurveOf, unpack_curves
from encryptsecurert_protocol.dose_results import (
    COMPARISON_NAME,
    CURVES_NAME,
    DIFFERENCE_NAME,
    GAMMA_NAME,
    DoseComparison,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.volumes import unpack_volume
from EncryptSecureRTLib.client.check import attested_words
from EncryptSecureRTLib.client.grid import VoxelGrid
from EncryptSecureRTLib.client.jobs import Finished

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseMap:
    """A map on the grid of the reference.

    Attributes
    ----------
    values : float64 or float32 (k, j, i), NaN where nothing was evaluated.
    """

    grid: VoxelGrid
    values: npt.NDArray[np.floating] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """A cumulative DVH: the fraction of the structure that has at least each dose in Gy."""

    dose_gy: Floats = field(repr=False)
    fraction: Floats = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBy:
    """Which worker made a result, as its verified receipt says."""

    simulated: bool
    words: str
    measurement: str
    policy_sha256: str
    receipt_sha256: str
    algorithm: str
    time_claimed: datetime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseFound:
    """All that one comparison found.

    Attributes
    ----------
    curves : by structure number and dose.
    gamma, difference : None if there is no such map.
    """

    comparison: DoseComparison
    curves: Mapping[tuple[int, CurveOf], Curve] = field(repr=False)
    gamma: DoseMap | None
    difference: DoseMap | None

    def __post_init__(self) -> None:
        for one in (self.gamma, self.difference):
            if one is not None and one.grid.shape != self.comparison.reference.shape:
                raise EncryptSecureRTError(ErrorCode.E_RESULT)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseOutcome(DoseFound):
    """The same, with whom it is from."""

    made_by: MadeBy


def outcome_of(finished: Finished) -> DoseOutcome:
    """Return what is in the results of a job (E_RESULT if they cannot be read)."""
    found = found_in(finished.results)
    return DoseOutcome(
        comparison=found.comparison,
        curves=found.curves,
        gamma=found.gamma,
        difference=found.difference,
        made_by=maker_of(finished),
    )


def found_in(results: Mapping[str, bytes | bytearray]) -> DoseFound:
    """Return what is in results by their names (E_RESULT if they cannot be read)."""
    try:
        return DoseFound(
            comparison=DoseComparison.decode(results.get(COMPARISON_NAME, b"")),
            curves=_curves(results.get(CURVES_NAME)),
            gamma=map_of(results.get(GAMMA_NAME), "gamma"),
            difference=map_of(results.get(DIFFERENCE_NAME), "dose_difference"),
        )
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_RESULT) from None


def maker_of(finished: Finished) -> MadeBy:
    """Return which worker made the results of a job."""
    verdict, body = finished.judged.verdict, finished.body
    return MadeBy(
        simulated=verdict.simulated,
        words=attested_words(verdict),
        measurement=verdict.measurement,
        policy_sha256=verdict.policy_sha256,
        receipt_sha256=finished.judged.sha256,
        algorithm=body.algorithm,
        time_claimed=body.time_claimed,
    )


def _curves(octets: bytes | bytearray | None) -> dict[tuple[int, CurveOf], Curve]:
    if octets is None:
        return {}
    return {
        (one.number, one.dose): Curve(
            dose_gy=np.frombuffer(one.dose_gy, "<f8"), fraction=np.frombuffer(one.fraction, "<f8")
        )
        for one in unpack_curves(octets)
    }


def map_of(octets: bytes | bytearray | None, quantity: str) -> DoseMap | None:
    """Return a map of a quantity, None if there is none (E_RESULT if it is another, E_FORMAT)."""
    if octets is None:
        return None
    header, payload = unpack_volume(octets)
    if header.quantity != quantity:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    grid = VoxelGrid(
        shape=header.shape,
        spacing_mm=header.spacing_mm,
        origin_lps_mm=header.origin_mm,
        direction=header.direction,
    )
    kind = {"float32": "<f4", "float64": "<f8"}[header.dtype]
    return DoseMap(grid=grid, values=np.frombuffer(payload, kind).reshape(grid.shape))
