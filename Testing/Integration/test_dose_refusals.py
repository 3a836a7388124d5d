"""What a dose comparison refuses, each with its code: values, frames, patients, structures."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import pytest
from Testing.Integration.dose_orders import (
    BALL,
    DIFFERENCE_ONLY,
    EVALUATED,
    GRID,
    OTHER_FRAME,
    REFERENCE,
    blob,
    dose_octets,
    facts,
    run_comparison,
    structure_octets,
)
from Testing.Integration.hospital import Ward
from Testing.Integration.orders import draft, events_of, post, put_object, refusal_of

from encryptsecurert_protocol.dose_jobs import DOSE_COMPARE_TASK, DoseCompareParameters
from encryptsecurert_protocol.dvh_options import DvhOptions
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import LogEvent
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.objects import ObjectKind


def _spoiled(value: float) -> bytes:
    octets = bytearray(dose_octets(REFERENCE))
    octets[-8:] = np.float64(value).tobytes()
    return bytes(octets)


def _open_contour(mask: npt.NDArray[np.bool_] | None = None) -> bytes:
    """Return a ball one ring of which is bent out of its plane by 5 mm, and the bar, or a mask."""
    octets = structure_octets(mask=mask)
    header_end = octets.index(b"}]}") + 3
    bent = bytearray(octets)
    bent[header_end + 16 : header_end + 24] = np.float64(-7.0).tobytes()
    return bytes(bent)


_FAR = dataclasses.replace(
    REFERENCE, grid=dataclasses.replace(GRID, origin_lps_mm=(500.0, -28.75, -28.5))
)
_TURNED = tuple(np.diag((1.0, 1.0, 2.0, 1.0)).ravel().tolist())
_GOOD = dose_octets(REFERENCE)
_WITH_DVH = dataclasses.replace(DIFFERENCE_ONLY, dvh=DvhOptions())
_OTHERS = dataclasses.replace(DIFFERENCE_ONLY, evaluated=facts(2, patient_id="P" + "A" * 16))
_TURNED_ASKED = dataclasses.replace(DIFFERENCE_ONLY, registration=_TURNED)
_LOOKING = dataclasses.replace(DIFFERENCE_ONLY, registration=tuple(np.eye(4).ravel().tolist()))
_BAD_METRIC = dataclasses.replace(DIFFERENCE_ONLY, dvh=DvhOptions(metrics=("D95%[cc]",)))
_REFUSALS: dict[str, tuple[DoseCompareParameters, tuple[bytes, ...], str]] = {
    "patients": (_OTHERS, (_GOOD, _GOOD), "E_PATIENT_MIX"),
    "nan": (DIFFERENCE_ONLY, (_GOOD, _spoiled(math.nan)), "E_DOSE"),
    "infinite": (DIFFERENCE_ONLY, (_spoiled(math.inf), _GOOD), "E_DOSE"),
    "negative": (DIFFERENCE_ONLY, (_GOOD, _spoiled(-1e-9)), "E_DOSE"),
    "no dose": (DIFFERENCE_ONLY, (_GOOD, dose_octets(blob(factor=0.0))), "E_DOSE"),
    "a difference in place of a dose": (
        DIFFERENCE_ONLY,
        (_GOOD, dose_octets(REFERENCE, quantity="dose_difference")),
        "E_DOSE",
    ),
    "sheared": (
        DIFFERENCE_ONLY,
        (_GOOD, dose_octets(REFERENCE, direction=(1.0, 0.5, *[0.0] * 2, 1.0, *[0.0] * 3, 1.0))),
        "E_GEOMETRY",
    ),
    "frames": (
        DIFFERENCE_ONLY,
        (_GOOD, dose_octets(EVALUATED, frame=OTHER_FRAME)),
        "E_FRAME_OF_REFERENCE",
    ),
    "an idle registration": (_LOOKING, (_GOOD, _GOOD), "E_FRAME_OF_REFERENCE"),
    "apart": (DIFFERENCE_ONLY, (_GOOD, dose_octets(_FAR)), "E_OVERLAP"),
    "structures of another frame": (
        _WITH_DVH,
        (_GOOD, _GOOD, structure_octets(frame=OTHER_FRAME)),
        "E_FRAME_OF_REFERENCE",
    ),
    "an empty mask and a bent contour": (
        _WITH_DVH,
        (_GOOD, _GOOD, _open_contour(mask=np.zeros(GRID.shape, np.bool_))),
        "E_STRUCTURES",
    ),
    "no structures": (_WITH_DVH, (_GOOD, _GOOD), "E_PARAMETERS"),
    "a cut volume": (DIFFERENCE_ONLY, (_GOOD, _GOOD[:-8]), "E_FORMAT"),
}


@pytest.mark.parametrize("case", _REFUSALS)
def test_bad_input_ends_the_job_with_its_code_and_no_result(ward: Ward, case: str) -> None:
    asked, contents, code = _REFUSALS[case]

    with ward.channel() as channel:
        finished = run_comparison(channel, ward.physicist, asked, *contents)

    assert (finished.end.state, finished.end.error) == (JobState.FAILED, code)
    assert finished.results == {}


@pytest.mark.parametrize("asked", [_TURNED_ASKED, _BAD_METRIC], ids=["not-rigid", "no-metric"])
def test_parameters_that_no_library_takes_are_refused_at_once(
    ward: Ward, asked: DoseCompareParameters
) -> None:
    home = ward.physicist
    with ward.channel() as channel:
        name = put_object(channel, home, _GOOD, ObjectKind.VOLUME)
        header = draft(
            channel,
            home,
            task=DOSE_COMPARE_TASK,
            inputs=(name, name),
            parameters=asked.as_json(),
        )

        assert refusal_of(post, channel, header, home.user().key) is ErrorCode.E_PARAMETERS


def test_which_structure_was_refused_is_told_by_its_number(ward: Ward) -> None:
    home = ward.physicist
    contents = ((_GOOD, ObjectKind.VOLUME), (_open_contour(), ObjectKind.STRUCTURES))
    with ward.channel() as channel:
        dose, structures = (put_object(channel, home, *content) for content in contents)
        header = draft(
            channel,
            home,
            task=DOSE_COMPARE_TASK,
            inputs=(dose, dose, structures),
            parameters=_WITH_DVH.as_json(),
        )
        post(channel, header, home.user().key)
        events = events_of(channel, header.job)

    logged = {e.entry: e.value for e in events if isinstance(e, LogEvent)}
    assert logged["structure_refused"] == BALL


def test_only_roles_with_the_operation_dose_may_order_it(ward: Ward) -> None:
    with ward.channel(ward.technician) as channel:
        header = draft(channel, ward.technician, task=DOSE_COMPARE_TASK, inputs=())
        key = ward.technician.user().key

        assert refusal_of(post, channel, header, key) is ErrorCode.E_FORBIDDEN
