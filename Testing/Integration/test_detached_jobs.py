"""Jobs that outlive the process that ordered them: detached, listed, fetched, cancelled."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from Testing.Integration.command_lines import Run, interrupt_client, run_client
from Testing.Integration.hospital import Busy, Hospital, Ward
from Testing.Integration.segmented import Done

from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client import process
from EncryptSecureRTLib.client.home import ClientHome

_FILES = ["receipt.json", "rtstruct.dcm", "seg.dcm"]


def _detach(home: ClientHome, url: str, folder: Path) -> str:
    run = run_client("segment", folder, "--detach", "--url", url, home=home)
    assert run.code == 0, run
    return str(run.result["job"])


def _row(home: ClientHome, url: str, job: str) -> dict[str, object] | None:
    rows = run_client("jobs", "--url", url, home=home).result["rows"]
    return next((row for row in rows if row["job"] == job), None)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@contextmanager
def _long_job(busy: Busy) -> Iterator[str]:
    """Order seconds of work; what is left of it in the end is cancelled."""
    url = busy.hospital.url
    job = _detach(busy.home, url, busy.protected)
    try:
        yield job
    finally:
        run_client("cancel", job, "--url", url, home=busy.home)


def test_one_process_orders_and_another_fetches(ward: Ward, done: Done, tmp_path: Path) -> None:
    home = ward.physicist
    job = _detach(home, ward.url, ward.protected)

    first = run_client("fetch", job, "--out", tmp_path / "first", home=home)
    again = run_client("fetch", job, "--out", tmp_path / "again", "--no-wait", home=home)
    row = _row(home, ward.url, job)

    assert (first.code, again.code) == (0, 0)
    assert _names(tmp_path / "first") == _names(tmp_path / "again") == _FILES
    assert first.result["outputs"] == dict(done.made.finished.body.outputs)
    assert first.result["volumes_cc"] == done.made.volumes_cc
    assert (home.receipts_path / first.result["receipt_sha256"] / "receipt.json").exists()
    assert [line["stage"] for line in first.lines if line["kind"] == "stage"] == [
        "connect",
        "run",
        "fetch",
        "write",
    ]
    assert row is not None
    assert (row["task"], row["state"], row["fetch"]) == ("segment", "done", True)


def test_results_that_are_there_are_not_written_over(ward: Ward, tmp_path: Path) -> None:
    job = _detach(ward.physicist, ward.url, ward.protected)
    out = tmp_path / "out"
    out.mkdir()
    (out / "seg.dcm").write_text("mine")

    run = run_client("fetch", job, "--out", out, home=ward.physicist)

    assert (run.code, run.error["code"]) == (14, "E_LOCAL_FILE")
    assert _names(out) == ["seg.dcm"]


def test_a_job_of_another_user_does_not_exist(ward: Ward, tmp_path: Path) -> None:
    job = _detach(ward.physicist, ward.url, ward.protected)
    stolen = ward.hospital.fresh_home(ward.colleague, tmp_path / "stolen")
    order = ward.physicist.jobs_path / job
    (stolen.jobs_path / job).mkdir(parents=True)
    (stolen.jobs_path / job / "order.json").write_bytes((order / "order.json").read_bytes())
    fetch = ("fetch", job, "--out", tmp_path / "out", "--url", ward.url)

    asked = run_client(*fetch, home=ward.colleague)
    cancelled = run_client("cancel", job, "--url", ward.url, home=ward.colleague)
    with_order = run_client(*fetch, home=stolen)

    for run in (asked, cancelled):
        assert (run.code, run.error["code"]) == (9, "E_NOT_FOUND")
    assert (with_order.code, with_order.error["code"]) == (14, "E_LOCAL_FILE")
    assert _row(ward.colleague, ward.url, job) is None
    assert not (tmp_path / "out").exists()
    own = run_client("fetch", job, "--out", tmp_path / "own", home=ward.physicist)
    assert own.code == 0


def test_another_computer_of_the_user_sees_the_job_but_cannot_open_its_results(
    ward: Ward, tmp_path: Path
) -> None:
    other = ward.hospital.fresh_home(ward.physicist, tmp_path / "other")
    job = _detach(ward.physicist, ward.url, ward.protected)

    run = run_client("fetch", job, "--out", tmp_path / "out", "--url", ward.url, home=other)
    row = _row(other, ward.url, job)

    assert (run.code, run.error["code"]) == (9, "E_NOT_FOUND")
    assert "not ordered from here" in run.error["what"]
    assert row is not None
    assert row["fetch"] is False


def test_a_running_job_is_not_waited_for_if_so_asked_and_can_be_cancelled(
    busy: Busy, tmp_path: Path
) -> None:
    home, out = busy.home, tmp_path / "out"
    with _long_job(busy) as job:
        early = run_client("fetch", job, "--out", out, "--no-wait", home=home)
        cancelled = run_client("cancel", job, home=home)
        ended = run_client("fetch", job, "--out", out, home=home)
        row = _row(home, busy.hospital.url, job)

    assert (early.code, early.error["code"]) == (10, "E_BUSY")
    assert early.error["what"].endswith("(the job has not ended)")
    assert cancelled.result["job"] == job
    assert cancelled.result["state"] in {"cancelling", "cancelled"}
    assert (ended.code, ended.error["code"]) == (12, "E_CANCELLED")
    assert row is not None
    assert row["state"] == "cancelled"
    assert not out.exists()


def _running(line: dict[str, object]) -> bool:
    return line["kind"] in ("state", "progress")


def test_ctrl_c_while_waiting_leaves_the_job_alone(busy: Busy, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with _long_job(busy) as job:
        run, _ = interrupt_client("fetch", job, "--out", out, home=busy.home, when=_running)
        row = _row(busy.home, busy.hospital.url, job)

    assert (run.code, run.error["code"], run.error["job"]) == (12, "E_CANCELLED", job)
    assert "fetch it later" in run.error["what"]
    assert row is not None
    assert row["state"] in {"queued", "running"}
    assert not out.exists()


def test_protected_headers_are_not_fetched_but_made_again(ward: Ward, tmp_path: Path) -> None:
    home = ward.hospital.fresh_home(ward.technician, tmp_path / "home")
    made = run_client("protect", ward.original, tmp_path / "p", "--url", ward.url, home=home)
    (job,) = [line["job"] for line in made.lines if line["kind"] == "job"]

    run = run_client("fetch", job, "--out", tmp_path / "out", home=home)

    assert (run.code, run.error["code"]) == (2, "E_USAGE")
    assert "run protect again: what the worker holds is not sent twice" in run.error["what"]
    row = _row(home, ward.url, job)
    assert row is not None
    assert row["fetch"] is False


@pytest.mark.parametrize(
    "words",
    [
        ("fetch", "--out", "out"),
        ("fetch", "xyz", "--out", "out"),
        ("fetch", "ab" * 16),
        ("cancel",),
        ("cancel", "AB" * 16),
        ("segment", "ct", "--detach", "--out", "out"),
        ("segment", "ct", "--detach", "--preview", "p.png"),
        ("break-glass", "--reason", "why"),
        ("break-glass", "--case", "P" + "A" * 16),
        ("break-glass", "--case", "P" + "A" * 16, "--reason", " "),
        ("break-glass", "--case", "Q" + "A" * 16, "--reason", "why"),
    ],
)
def test_what_is_missing_or_malformed_is_a_usage_error(ward: Ward, words: tuple[str, ...]) -> None:
    run = run_client(*words, "--url", ward.url, home=ward.physicist)

    assert (run.code, run.error["code"]) == (2, "E_USAGE")


def test_requests_say_the_same_as_words(ward: Ward, tmp_path: Path) -> None:
    common = {"home": str(ward.physicist.path), "url": ward.url}
    order = {**common, "series": str(ward.protected), "detach": True, "patience_s": 5}

    def ask(command: str, request: dict[str, object]) -> dict[str, object]:
        return process.run_client(process.client_argv(command), {"command": command, **request})

    job = ask("segment", order)["job"]
    made = ask("fetch", {**common, "job": job, "out": str(tmp_path / "out")})
    listed = ask("jobs", dict(common))
    cancelled = ask("cancel", {**common, "job": job})

    assert _names(tmp_path / "out") == _FILES
    assert made["kind"] == "result"
    assert str(job) in json.dumps(listed["rows"])
    assert (cancelled["job"], cancelled["state"]) == (job, "done")  # it has ended before


def test_what_a_user_may_do_is_told(ward: Ward) -> None:
    physicist = run_client("tasks", "--url", ward.url, home=ward.physicist).result
    technician = run_client("tasks", "--url", ward.url, home=ward.technician).result
    models = run_client("models", "--url", ward.url, home=ward.physicist).result

    assert {task["name"] for task in physicist["tasks"]} == {
        *("dose_compare", "measurement_compare", "plan_check", "protect", "reveal", "segment")
    }
    assert [task["name"] for task in technician["tasks"]] == ["protect"]
    assert physicist["simulated"] is True
    assert physicist["patients_today"] >= 1
    assert physicist["held_bytes"] > 0
    assert physicist["limits"]["patients_per_day"] > 0
    assert models["models"] == []


def _break_glass(hospital: Hospital, home: ClientHome) -> Run:
    words = ("break-glass", "--case", "P" + "A" * 16, "--reason", "on call,  emergency")
    return run_client(*words, "--url", hospital.url, home=home)


def test_break_glass_opens_a_case_for_those_who_may(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path / "stand")
    radiologist, technician = hospital.users([Role.RADIOLOGIST, Role.TECHNICIAN])
    with hospital:
        hospital.provision()
        opened = _break_glass(hospital, radiologist)
        refused = _break_glass(hospital, technician)
        told = run_client("tasks", "--url", hospital.url, home=radiologist).result

    assert opened.code == 0
    assert Path(opened.result["receipt"]).exists()
    (case,) = told["cases"]
    assert (case["pseudonym"], case["break_glass"]) == ("P" + "A" * 16, True)
    assert case["until"] == opened.result["until"]
    assert (refused.code, refused.error["code"]) == (8, "E_FORBIDDEN")
