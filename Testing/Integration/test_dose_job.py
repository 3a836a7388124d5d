"""A dose comparison through the worker: the library's numbers bit for bit, DICOM, receipts."""

import dataclasses
import io
import math
import time
from collections.abc import Iterator

import numpy as np
import pydicom
import pytest
from Testing.Integration.dose_orders import (
    BALL,
    BAR,
    DIFFERENCE_ONLY,
    EVALUATED,
    EVERYTHING,
    GAMMA,
    GRID,
    OTHER_FRAME,
    REFERENCE,
    STRUCTURE_SET,
    Finished,
    ball,
    bar,
    blob,
    dose_octets,
    facts,
    run_comparison,
    structure_octets,
)
from Testing.Integration.hospital import Ward
from Testing.Integration.orders import draft, post, put_object

from encryptsecurert_protocol.dose_curves import CurveOf, unpack_curves
from encryptsecurert_protocol.dose_jobs import DOSE_COMPARE_TASK, DoseCompareParameters
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.events import EndEvent, ProgressEvent, decode_event
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.volumes import unpack_volume
from encryptsecurert_rt.dose.difference import dose_difference
from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    Normalisation,
    gamma_index,
    gamma_statistics,
)
from encryptsecurert_rt.dvh import Structure, compute_dvh, structure_mask
from encryptsecurert_rt.native.library import kernels_sha256
from EncryptSecureRTLib.client.jobs import cancel

CRITERIA = GammaCriteria(
    dose_percent=3.0, distance_mm=2.0, cutoff_percent=10.0, normalisation=Normalisation.GLOBAL
)
RESULTS = ["comparison", "curves", "gamma", "difference", "gamma.dcm", "difference.dcm"]
RESULTS += ["report.dcm", "receipt"]


@pytest.fixture(scope="module")
def made(ward: Ward) -> Iterator[Finished]:
    """Return a comparison with everything that can be asked for."""
    with ward.channel() as channel:
        yield run_comparison(
            channel,
            ward.physicist,
            EVERYTHING,
            dose_octets(REFERENCE),
            dose_octets(EVALUATED),
            structure_octets(),
        )


@pytest.fixture(scope="module")
def comparison(made: Finished) -> DoseComparison:
    return DoseComparison.decode(made.results["comparison"])


def test_all_results_come_in_their_order(made: Finished) -> None:
    assert made.end.state is JobState.DONE, made.end
    assert [name for name, _ in made.end.results] == RESULTS


def test_the_maps_are_those_of_the_library_called_directly(made: Finished) -> None:
    gamma_header, gamma = unpack_volume(made.results["gamma"])
    difference_header, difference = unpack_volume(made.results["difference"])

    direct = gamma_index(REFERENCE, EVALUATED, CRITERIA, threads=1)
    assert bytes(gamma) == direct.gamma.tobytes()
    assert bytes(difference) == dose_difference(REFERENCE, EVALUATED).difference_gy.tobytes()
    assert (gamma_header.quantity, gamma_header.dtype) == ("gamma", "float32")
    assert (difference_header.quantity, difference_header.unit) == ("dose_difference", "Gy")
    assert gamma_header.slice_uids == (facts(1).dose_sop_instance_uid,) * GRID.shape[0]
    assert np.isnan(np.frombuffer(gamma, "<f4")).any()  # below the cutoff: never 0


def test_the_figures_of_gamma_are_the_librarys_whole_and_by_structure(
    comparison: DoseComparison,
) -> None:
    direct = gamma_index(REFERENCE, EVALUATED, CRITERIA, threads=1)
    part = comparison.gamma

    assert part is not None
    masks = {BALL: structure_mask(ball(), GRID), BAR: bar().mask}
    regions = [(part.whole, np.ones(GRID.shape, np.bool_))]
    regions += [(one.figures, masks[one.number]) for one in part.structures]
    for figures, mask in regions:
        found = gamma_statistics(direct, mask)
        assert figures.evaluated == found.evaluated > 0
        assert figures.pass_percent_certain == found.pass_percent_certain
        assert (figures.mean, figures.maximum) == (found.mean, found.maximum)
    assert part.words == (
        "gamma 3 %/2 mm, global (60 Gy, reference maximum), "
        "cutoff 10 % of it on the reference, cap 2"
    ).replace("60 Gy", f"{REFERENCE.maximum_gy:.6g} Gy")


def test_histograms_are_the_librarys_under_both_doses(
    made: Finished, comparison: DoseComparison
) -> None:
    assert comparison.dvh is not None
    curves = {(c.number, c.dose): c for c in unpack_curves(made.results["curves"])}

    structures: tuple[Structure, ...] = (ball(), bar())
    for part, structure in zip(comparison.dvh, structures, strict=True):
        for dose, figures, which in (
            (REFERENCE, part.reference, CurveOf.REFERENCE),
            (EVALUATED, part.evaluated, CurveOf.EVALUATED),
        ):
            direct = compute_dvh(structure, dose)
            assert figures.summary.mean_gy == direct.mean_gy
            assert figures.summary.volume_cc == direct.volume_cc
            dose_gy, fraction = direct.curve_points()
            assert bytes(curves[part.number, which].dose_gy) == dose_gy.tobytes()
            assert bytes(curves[part.number, which].fraction) == fraction.tobytes()
            values = {m.metric: m.value for m in figures.metrics}
            assert values["D95%[Gy]"] == direct.dose_at_percent(95.0)
            assert values["V20Gy[cc]"] == direct.volume_cc_at(20.0)


def test_a_ball_has_the_volume_and_the_mean_of_its_closed_form(comparison: DoseComparison) -> None:
    assert comparison.dvh is not None
    summary = comparison.dvh[0].reference.summary

    # Circles at every 3 mm between -12 and 12 mm, half a slice beyond: within 3 % of the ball.
    assert summary.volume_cc == pytest.approx(4.0 / 3.0 * math.pi * 1.4**3, rel=0.03)
    radius = np.linspace(0.0, 14.0, 2001)
    weight = radius**2
    dose = 60.0 * np.exp(-((radius / 20.0) ** 4))
    mean = np.trapezoid(dose * weight, radius) / np.trapezoid(weight, radius)
    assert summary.mean_gy == pytest.approx(mean, rel=0.01)


def test_goals_verdict_and_warnings_say_what_they_rest_on(comparison: DoseComparison) -> None:
    states = [(g.reference_state, g.reference_reason) for g in comparison.goals]
    assert states == [("met", None), ("not_met", None), ("not_evaluable", "no_structure")]
    verdict = comparison.tg218
    assert verdict is not None
    assert verdict.verdict == "within_tolerance"
    assert verdict.departures == ("reference not measured",)
    assert comparison.structure_set == STRUCTURE_SET
    assert comparison.kernels_sha256 == kernels_sha256()
    assert "gamma-certified-1" in comparison.algorithms


def test_dicom_results_hold_what_the_maps_hold(made: Finished) -> None:
    difference = pydicom.dcmread(io.BytesIO(made.results["difference.dcm"]))
    gamma = pydicom.dcmread(io.BytesIO(made.results["gamma.dcm"]))
    report = pydicom.dcmread(io.BytesIO(made.results["report.dcm"]))

    truth = np.frombuffer(unpack_volume(made.results["difference"])[1], "<f8").reshape(GRID.shape)
    step = float(difference.DoseGridScaling)
    np.testing.assert_allclose(difference.pixel_array * step, truth, atol=0.5001 * step)
    values = np.frombuffer(unpack_volume(made.results["gamma"])[1], "<f4").reshape(GRID.shape)
    np.testing.assert_array_equal(
        gamma.pixel_array, np.where(np.isnan(values), np.float32(-1.0), values)
    )
    for ds in (difference, gamma, report):
        assert ds.PatientID == "PABCDEFGHIJ234567"
        assert ds.StudyInstanceUID == "2.25.50"
        assert ds.SeriesDescription.startswith("SIMULATED")


def test_the_receipt_holds_the_numbers(made: Finished, comparison: DoseComparison) -> None:
    receipt = made.receipt
    assert receipt is not None
    assert comparison.gamma is not None
    assert comparison.difference is not None

    numbers = {name: float(text) for name, text in receipt.numbers}
    assert numbers["gamma.pass_percent_certain"] == comparison.gamma.whole.pass_percent_certain
    assert numbers["difference.mean_gy"] == comparison.difference.whole.mean_gy
    assert f"mean_gy.evaluated.{BAR}" in numbers
    assert (receipt.task, receipt.algorithm) == ("dose_compare", "dose-compare-1")
    assert receipt.parameters == EVERYTHING.as_json()
    assert receipt.warnings == comparison.warnings


def test_the_same_job_gives_the_same_octets_also_for_another_user(
    ward: Ward, made: Finished
) -> None:
    with ward.channel(ward.colleague) as channel:
        again = run_comparison(
            channel,
            ward.colleague,
            EVERYTHING,
            dose_octets(REFERENCE),
            dose_octets(EVALUATED),
            structure_octets(),
        )

    kept = {name: octets for name, octets in made.results.items() if name != "receipt"}
    assert {n: o for n, o in again.results.items() if n != "receipt"} == kept


def test_a_dose_against_itself_differs_nowhere(ward: Ward) -> None:
    same = dose_octets(REFERENCE)
    asked = DoseCompareParameters(
        reference=facts(1), evaluated=facts(1), gamma=GAMMA, difference=True, outputs=()
    )
    with ward.channel() as channel:
        finished = run_comparison(channel, ward.physicist, asked, same, same)

    found = DoseComparison.decode(finished.results["comparison"])
    assert found.gamma is not None
    assert found.difference is not None
    assert (found.gamma.whole.pass_percent_certain, found.gamma.whole.maximum) == (100.0, 0.0)
    assert (found.difference.whole.minimum_gy, found.difference.whole.maximum_gy) == (0.0, 0.0)
    assert sorted(finished.results) == ["comparison", "receipt"]


def test_a_registration_joins_two_frames_of_reference(ward: Ward) -> None:
    shifted = dataclasses.replace(GRID, origin_lps_mm=(71.25, -28.75, -28.5))
    moved = dataclasses.replace(REFERENCE, grid=shifted)  # the same dose 100 mm further along x
    matrix = np.eye(4)
    matrix[0, 3] = 100.0
    asked = dataclasses.replace(DIFFERENCE_ONLY, registration=tuple(matrix.ravel().tolist()))
    with ward.channel() as channel:
        finished = run_comparison(
            channel,
            ward.physicist,
            asked,
            dose_octets(REFERENCE),
            dose_octets(moved, frame=OTHER_FRAME),
        )

    found = DoseComparison.decode(finished.results["comparison"])
    assert found.difference is not None
    # Coordinates through a matrix: 1e-12 mm at gradients of some Gy/mm.
    assert found.difference.whole.maximum_gy == pytest.approx(0.0, abs=1e-9)
    assert found.difference.whole.outside == 0
    assert found.warnings == ("registered",)


@pytest.mark.slow
@pytest.mark.alone
def test_cancel_takes_effect_within_a_second(ward: Ward) -> None:
    fine = dataclasses.replace(GRID, shape=(60, 72, 72), spacing_mm=(1.0, 0.85, 0.85))
    home = ward.physicist
    latencies = []
    with ward.channel() as channel:
        names = tuple(
            put_object(channel, home, octets, kind)
            for octets, kind in (
                (dose_octets(blob(fine)), ObjectKind.VOLUME),
                (dose_octets(blob(fine, shift_mm=4.0)), ObjectKind.VOLUME),
                (structure_octets(), ObjectKind.STRUCTURES),
            )
        )
        for at in (0.05, 0.3, 0.6):
            header = draft(
                channel,
                home,
                task=DOSE_COMPARE_TASK,
                inputs=names,
                parameters=EVERYTHING.as_json(),
            )
            post(channel, header, home.user().key)
            pressed_s = 0.0
            for line in channel.stream_lines(f"/v1/jobs/{header.job}/events?after=0", 65536):
                event = decode_event(line) if line else None
                if isinstance(event, ProgressEvent) and event.fraction >= at and not pressed_s:
                    pressed_s = time.monotonic()
                    cancel(channel, header.job)
                if isinstance(event, EndEvent):
                    latencies.append(time.monotonic() - pressed_s)
                    assert (event.state, event.error) == (JobState.CANCELLED, "E_CANCELLED")

    assert max(latencies) <= 1.0, latencies
