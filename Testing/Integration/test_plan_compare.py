"""Plan checks through the whole path: protected files in, rows and a receipt out."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from plans_made import (
    CANARY,
    as_if_protected,
    log_of,
    made_ion_plan,
    made_plan,
    made_record,
    write,
)
from pydicom import Dataset, dcmread
from pydicom.uid import UID
from Testing.Integration.command_lines import Run, run_client
from Testing.Integration.hospital import Ward
from Testing.Integration.planted import found_below

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.plan_checks import (
    PARAMETERS_SCHEMA,
    PLAN_CHECK_TASK,
    CheckRow,
    PlanComparison,
)
from encryptsecurert_protocol.receipts import Receipt
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.plan_check import Compared, PlanRequest, compare_plan
from EncryptSecureRTLib.client.plan_files import read_plan
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.runs import sending_all, submit_job

_BREAST = "dicomrt_breast_dicompyler/rtplan.dcm"
_FILES = {"plan-check.json", "plan-check.csv", "receipt.json"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """Protected files by what they are."""

    plan: Path
    same: Path
    changed: Path
    records: Path
    ion: Path
    ion_changed: Path


def _changed(plan: Dataset) -> Dataset:
    """Plant a difference in each of: meterset, gantry, leaf, energy, number of fractions."""
    plan.FractionGroupSequence[0].NumberOfFractionsPlanned = 21
    plan.FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset = 123.5
    first, second, _ = plan.BeamSequence[0].ControlPointSequence
    first.NominalBeamEnergy = 10
    second.GantryAngle = 1.5
    leaves = second.BeamLimitingDevicePositionSequence[0].LeafJawPositions
    leaves[4] = float(leaves[4]) + 0.75
    return plan


def _ion_changed(plan: Dataset) -> Dataset:
    weights = plan.IonBeamSequence[0].IonControlPointSequence[0]
    weights.ScanSpotMetersetWeights = [0.5, 0.1]
    return plan


def _protect(ward: Ward, folder: Path, name: str, *objects: Dataset) -> Path:
    for n, ds in enumerate(objects):
        write(ds, folder / name / f"{n}.dcm")
    with ward.channel() as channel:
        made = protect_series(
            channel, ward.physicist, folder / name, folder / f"{name}-protected", Watcher()
        )
    return made.folder


@pytest.fixture(scope="module")
def protected(ward: Ward, tmp_path_factory: pytest.TempPathFactory) -> Protected:
    folder = tmp_path_factory.mktemp("plans")
    plan = made_plan()
    records = [made_record(plan, f"2.25.{3000 + n}", n + 1) for n in range(2)]
    return Protected(
        plan=_protect(ward, folder, "plan", plan),
        same=_protect(ward, folder, "same", made_plan("2.25.1005")),
        changed=_protect(ward, folder, "changed", _changed(made_plan("2.25.1006"))),
        records=_protect(ward, folder, "records", *records),
        ion=_protect(ward, folder, "ion", made_ion_plan()),
        ion_changed=_protect(ward, folder, "ions", _ion_changed(made_ion_plan("2.25.1007"))),
    )


def _compare(ward: Ward, one: Path, other: Path, out: Path, **changes: Any) -> Compared:
    request = PlanRequest(reference=one, other=other, matching="number", tolerances=None, out=out)
    with ward.channel() as channel:
        return compare_plan(
            channel, ward.physicist, dataclasses.replace(request, **changes), Watcher()
        )


def _refusal(action: Callable[[], object]) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refusal:
        action()
    return refusal.value.code


def _row(made: Compared, what: str) -> CheckRow:
    (row,) = [row for row in made.comparison.rows if row.what == what]
    return row


def test_the_same_plan_exported_twice_does_not_differ(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    made = _compare(ward, protected.plan, protected.same, tmp_path / "out")

    counts = made.comparison.counts
    assert (counts["beyond"], counts["not_compared"]) == (0, 0)
    assert made.comparison.points == ()
    assert made.finished.body.warnings == ()
    assert {path.name for path in made.files} == _FILES


def test_each_planted_difference_is_found_with_its_number(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    made = _compare(ward, protected.plan, protected.changed, tmp_path / "out")

    planted = {
        "fractions": 1.0,
        "meterset": 3.5,
        "meterset_of_all": 3.5,
        "gantry": 1.5,
        "energy": 4.0,
        "leaves.mlcx": 0.75,
    }
    found = {what: _row(made, what).difference for what in planted}
    assert found == pytest.approx(planted)
    beyond = {row.what for row in made.comparison.rows if row.verdict.value == "beyond"}
    # One leaf of six, at one of three control points: more than five per cent of all.
    assert beyond - set(planted) == {"leaves_rms.mlcx", "leaves_p95.mlcx"}
    leaf = _row(made, "leaves.mlcx").places
    assert (leaf["beam"], leaf["point"], leaf["bank"], leaf["leaf"]) == (1, 1, 2, 2)
    assert dict(made.finished.body.numbers)["worst.gantry.deg"] == "1.5"
    assert made.finished.body.warnings == ("beyond_tolerance",)


def test_records_of_a_course_are_held_against_the_plan(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    made = _compare(ward, protected.plan, protected.records, tmp_path / "out")

    assert (made.comparison.form, made.comparison.counts["beyond"]) == ("record", 0)
    assert _row(made, "plan_of_record").verdict.value == "within"
    assert _row(made, "fractions").found == 2.0
    metersets = [row for row in made.comparison.rows if row.what == "meterset"]
    assert [(row.places["fraction"], row.difference) for row in metersets] == [(1, 0.0), (2, 0.0)]


def test_a_log_is_held_against_the_plan(ward: Ward, protected: Protected, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(log_of(made_plan()))

    made = _compare(ward, protected.plan, log, tmp_path / "out")
    assert (made.comparison.form, made.comparison.counts["beyond"]) == ("log", 0)
    # A micrometre: the log is written with six decimals.
    for what in ("leaves.mlcx", "leaves_rms.mlcx", "gantry", "meterset"):
        assert _row(made, what).difference == pytest.approx(0.0, abs=2e-6)


def test_ion_layers_are_compared(ward: Ward, protected: Protected, tmp_path: Path) -> None:
    made = _compare(ward, protected.ion, protected.ion_changed, tmp_path / "out")

    beyond = {row.what for row in made.comparison.rows if row.verdict.value == "beyond"}
    assert beyond == {"spot_meterset"}
    spot = _row(made, "spot_meterset")
    # One spot got a tenth of the beam more, the other less; weights are single precision.
    assert abs(spot.difference or 0.0) == pytest.approx(10.0, abs=1e-4)
    assert spot.unit == "%"
    assert _row(made, "layer_meterset").difference == pytest.approx(0.0, abs=1e-4)


def test_tolerances_of_a_file_hold_and_stand_in_the_receipt(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    site = tmp_path / "site.json"
    site.write_text(json.dumps({"leaf_mm": 1.0, "leaf_rms_mm": 1, "gantry_deg": None}))

    made = _compare(ward, protected.plan, protected.changed, tmp_path / "out", tolerances=site)
    assert _row(made, "leaves.mlcx").verdict.value == "within"
    assert _row(made, "gantry").verdict.value == "told"
    asked = made.finished.body.parameters["tolerances"]
    assert asked == {"leaf_mm": "1.0", "leaf_rms_mm": "1.0", "gantry_deg": None}


def test_nothing_of_a_name_is_in_what_is_sent_or_written(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    _compare(ward, protected.plan, protected.changed, tmp_path / "out")

    assert found_below([CANARY], tmp_path) == {}
    (plan,) = protected.plan.iterdir()
    assert CANARY.encode() not in plan.read_bytes()


def test_a_plan_that_is_not_protected_is_refused(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    clear = write(made_plan(), tmp_path / "clear.dcm")

    for one, other in ((clear, protected.same), (protected.plan, clear)):
        code = _refusal(partial(_compare, ward, one, other, tmp_path / "out"))
        assert code is ErrorCode.E_NOT_PROTECTED
    assert not (tmp_path / "out").exists()


def test_plans_of_two_patients_are_refused(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    other = made_plan("2.25.1008")
    other.PatientID = "ANOTHER-PATIENT"
    path = write(as_if_protected(other), tmp_path / "other.dcm")

    code = _refusal(lambda: _compare(ward, protected.plan, path, tmp_path / "out"))
    assert code is ErrorCode.E_PATIENT_MIX


def test_a_folder_with_results_is_left_alone(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    (tmp_path / "plan-check.csv").write_text("mine")

    code = _refusal(lambda: _compare(ward, protected.plan, protected.same, tmp_path))
    assert code is ErrorCode.E_LOCAL_FILE
    assert (tmp_path / "plan-check.csv").read_text() == "mine"


def _cli(ward: Ward, *words: str | Path) -> Run:
    return run_client("plan-compare", *words, "--url", ward.url, home=ward.physicist)


def test_the_command_ends_well_also_when_a_plan_differs(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    run = _cli(ward, protected.plan, protected.changed, "--out", tmp_path / "out")

    assert run.code == 0
    assert (run.result["outcome"], run.result["form"]) == ("beyond", "plan")
    assert run.result["simulated"] is True
    told = {row["what"]: row["difference"] for row in run.result["beyond"]}
    assert told["leaves.mlcx"] == "0.75"
    octets = (tmp_path / "out" / "plan-check.json").read_bytes()
    assert PlanComparison.decode(octets).counts == run.result["counts"]
    assert "gantry" in (tmp_path / "out" / "plan-check.csv").read_text()
    receipt = Receipt.decode((tmp_path / "out" / "receipt.json").read_bytes())
    assert b"plan-check" in receipt.body


def test_a_check_that_nobody_waited_for_is_fetched(
    ward: Ward, protected: Protected, tmp_path: Path
) -> None:
    inputs = [(ObjectKind.PLANS, read_plan(p).content) for p in (protected.plan, protected.changed)]
    asked = {"schema": PARAMETERS_SCHEMA, "matching": "number", "tolerances": {}}
    home, watcher = ward.physicist, Watcher()
    with ward.channel() as channel:
        send = sending_all(channel, home, inputs, watcher)
        order = submit_job(channel, home, PLAN_CHECK_TASK, send, asked, watcher)

    run = run_client("fetch", order.job, "--out", tmp_path / "out", home=home)
    assert (run.code, run.result["outcome"]) == (0, "beyond")
    assert {path.name for path in (tmp_path / "out").iterdir()} == _FILES


@pytest.mark.real_data
def test_a_real_plan_is_compared_with_a_perturbed_copy(
    ward: Ward, shared_data: Path, tmp_path: Path
) -> None:
    original = tmp_path / "original"
    original.mkdir()
    shutil.copy(shared_data / _BREAST, original / "plan.dcm")
    ds = dcmread(original / "plan.dcm")
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID("2.25.77")
    points = ds.BeamSequence[2].ControlPointSequence
    leaves = points[40].BeamLimitingDevicePositionSequence[-1].LeafJawPositions
    leaves[29] = float(leaves[29]) - 2.0
    ds.FractionGroupSequence[0].ReferencedBeamSequence[3].BeamMeterset = "95"
    with ward.channel() as channel:
        one = protect_series(channel, ward.physicist, original, tmp_path / "1", Watcher()).folder
        two = protect_series(
            channel,
            ward.physicist,
            write(ds, tmp_path / "perturbed" / "plan.dcm").parent,
            tmp_path / "2",
            Watcher(),
        ).folder

    equal = _compare(ward, one, one, tmp_path / "equal")
    assert equal.comparison.counts["beyond"] == 0
    assert equal.comparison.points == ()
    made = _compare(ward, one, two, tmp_path / "differs")
    beyond = {
        (row.what, row.places.get("beam")): row.difference
        for row in made.comparison.rows
        if row.verdict.value == "beyond"
    }
    assert beyond.pop(("leaves.mlcx", 3)) == pytest.approx(-2.0)
    assert beyond.pop(("meterset", 4)) == beyond.pop(("meterset_of_all", None)) == 1.0
    assert set(beyond) == {("leaves_rms.mlcx", 3)}
    (point,) = made.comparison.points
    assert (point.places["point"], point.places["bank"], point.places["leaf"]) == (40, 1, 30)
