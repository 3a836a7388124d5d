"""The session: a job from Apply to Done, and every way in which it can end before."""

from pathlib import Path

import pytest
from Testing.Unit.panel.conftest import JOB, VERDICT, Bench

from EncryptSecureRTLib.client.process import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.panel.phases import Kind, Phase
from EncryptSecureRTLib.panel.session import Connection
from EncryptSecureRTLib.panel.state import Tone


def _phase(bench: Bench) -> Phase:
    return bench.session.state.phase


def _code(bench: Bench) -> str:
    notice = bench.session.state.notice
    return "" if notice is None else notice.code


# ---- the straight way


def test_a_job_goes_its_way_and_its_results_are_kept(bench: Bench) -> None:
    child = bench.begun()
    phases = [_phase(bench)]
    for line in (
        {"kind": "stage", "stage": "upload"},
        {"kind": "sent", "done_bytes": 5, "total_bytes": 10},
        {"kind": "job", "job": JOB},
        {"kind": "state", "state": "queued", "place": 2},
        {"kind": "state", "state": "running", "place": 0},
        {"kind": "progress", "stage": "lungs", "fraction": 0.5},
        {"kind": "stage", "stage": "fetch"},
    ):
        child.say(**line)
        bench.tick()
        phases.append(_phase(bench))
    bench.finish()
    bench.tick(3)

    assert phases == [
        Phase.PREPARING,
        Phase.UPLOADING,
        Phase.UPLOADING,
        Phase.UPLOADING,
        Phase.QUEUED,
        Phase.RUNNING,
        Phase.RUNNING,
        Phase.DOWNLOADING,
    ]
    assert _phase(bench) is Phase.DONE
    outcome = bench.session.state.outcome
    assert outcome is not None
    assert outcome.node_id == "node1"
    (folder,) = bench.folders()
    assert [path.name for path in folder.iterdir()] == ["results"]
    assert bench.session.results_folder == folder / "results"


def test_the_request_holds_the_worker_and_the_private_folder_only(bench: Bench) -> None:
    child = bench.begun()

    (folder,) = bench.folders()
    assert child.request == {
        "url": "https://worker.site:8443",
        "home": str(bench.root / "home"),
        "patience_s": 120,
        "out": str(folder / "results"),
        "display": str(folder / "display"),
    }
    assert folder.stat().st_mode & 0o777 == 0o700


def test_apply_on_an_unchecked_worker_checks_it_first_and_goes_on(bench: Bench) -> None:
    bench.session.configure(bench.connection)
    bench.session.apply(bench.order)
    assert (_phase(bench), bench.child.command) == (Phase.CHECKING, "check")

    bench.child.say("result", verdict=VERDICT, simulated=True)
    bench.child.end(0)
    bench.tick(3)

    assert (_phase(bench), bench.child.command) == (Phase.PREPARING, "segment")


def test_apply_on_a_worker_that_is_refused_sends_nothing(bench: Bench) -> None:
    bench.session.configure(bench.connection)
    bench.session.apply(bench.order)
    bench.child.say("error", code="E_MEASUREMENT", what="", todo="", exit=5)
    bench.child.end(5)
    bench.tick(5)

    assert _phase(bench) is Phase.REFUSED
    assert [child.command for child in bench.children] == ["check"]
    bench.session.apply(bench.order)
    assert _phase(bench) is Phase.REFUSED


def test_a_second_apply_while_one_runs_starts_nothing(bench: Bench) -> None:
    bench.begun()
    started = len(bench.children)

    bench.session.apply(bench.order)
    bench.tick(5)

    assert len(bench.children) == started


def test_the_next_job_takes_the_place_of_the_files_of_the_last(bench: Bench) -> None:
    bench.begun()
    bench.finish()
    bench.tick(3)
    (first,) = bench.folders()

    bench.session.apply(bench.order)
    bench.tick()

    (second,) = bench.folders()
    assert second != first


# ---- ends before


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [{"kind": "stage", "stage": "upload"}],
        [{"kind": "state", "state": "queued", "place": 1}],
        [{"kind": "progress", "stage": "lungs", "fraction": 0.5}],
        [{"kind": "stage", "stage": "fetch"}],
    ],
    ids=["preparing", "uploading", "queued", "running", "downloading"],
)
def test_cancel_asks_the_child_once_and_ends_in_ready(
    bench: Bench, lines: list[dict[str, str]]
) -> None:
    child = bench.begun()
    for line in lines:
        child.say(**line)
    bench.tick()
    bench.session.happen(Kind.CANCEL)
    bench.session.happen(Kind.CANCEL)
    assert (_phase(bench), child.cancels) == (Phase.CANCELLING, 1)

    child.say("error", code="E_CANCELLED", what="Cancelled.", todo="", exit=12)
    child.end(12)
    bench.tick()

    assert _phase(bench) is Phase.READY
    notice = bench.session.state.notice
    assert notice is not None
    assert (notice.tone, notice.what) == (Tone.INFO, "Cancelled.")
    assert bench.folders() == []


def test_cancel_while_voxels_are_prepared_starts_no_child(bench: Bench) -> None:
    bench.checked()
    bench.session.apply(bench.order)
    bench.session.happen(Kind.CANCEL)
    bench.tick(3)

    assert _phase(bench) is Phase.READY
    assert [child.command for child in bench.children] == ["check"]
    assert bench.folders() == []


def test_a_child_that_does_not_end_is_killed_after_5_s_and_left_after_10(bench: Bench) -> None:
    child = bench.begun()
    bench.session.happen(Kind.CANCEL)
    bench.tick(seconds=4.9)
    assert child.kills == 0
    bench.tick(seconds=0.2)
    assert child.kills == 1
    assert _phase(bench) is Phase.CANCELLING
    bench.tick(seconds=5.0)

    assert _phase(bench) is Phase.READY
    assert child.kills == 1
    assert child.closes == 1


def test_results_that_come_after_a_cancel_are_thrown_away(bench: Bench) -> None:
    bench.begun()
    bench.session.happen(Kind.CANCEL)
    bench.finish()
    bench.tick(3)

    assert _phase(bench) is Phase.READY
    assert bench.session.state.outcome is None
    assert bench.order.loaded == 0
    assert bench.folders() == []


def test_a_job_that_could_not_be_cancelled_at_the_worker_is_said_to_go_on(bench: Bench) -> None:
    child = bench.begun()
    bench.session.happen(Kind.CANCEL)
    child.say("error", code="E_CANCELLED", what="", todo="", exit=12, job=JOB)
    child.end(12)
    bench.tick()

    notice = bench.session.state.notice
    assert notice is not None
    assert notice.tone is Tone.BAD
    assert "could not be told" in notice.what
    assert f"job {JOB}" in notice.details


@pytest.mark.parametrize("kind", [Kind.SCENE_CLOSED, Kind.INPUT_REMOVED])
def test_a_job_without_a_home_is_cancelled_and_says_why(bench: Bench, kind: Kind) -> None:
    child = bench.begun()
    bench.session.happen(kind)
    child.end(12)
    bench.tick()

    assert child.cancels == 1
    notice = bench.session.state.notice
    assert notice is not None
    assert notice.what.startswith("Cancelled, because the ")


def test_a_child_that_dies_is_one_notice_with_its_last_words_in_the_details(bench: Bench) -> None:
    child = bench.begun()
    child.stderr_tail = ("Fatal Python error",)
    child.malformed_lines = 3
    child.end(-11)
    bench.tick()

    assert (_phase(bench), _code(bench)) == (Phase.FAILED, "E_INTERNAL")
    notice = bench.session.state.notice
    assert notice is not None
    assert "ended unexpectedly" in notice.what
    assert {"exit code -11", "Fatal Python error"} <= set(notice.details)
    assert "lines that were none of ours: 3" in notice.details
    assert bench.folders() == []


def test_a_result_counts_only_if_the_child_then_ends_with_0(bench: Bench) -> None:
    child = bench.begun()
    child.say("result", files=[], outputs={}, warnings=[], receipt_sha256="", verdict=VERDICT)
    child.end(70)
    bench.tick()

    assert _phase(bench) is Phase.FAILED
    assert bench.session.state.outcome is None


@pytest.mark.parametrize(
    ("code", "phase"),
    [
        ("E_FORBIDDEN", Phase.FAILED),
        ("E_RECEIPT", Phase.FAILED),
        ("E_LOCAL_FILE", Phase.FAILED),
        ("E_MEASUREMENT", Phase.REFUSED),
        ("E_POLICY_EXPIRED", Phase.REFUSED),
        ("E_SOMETHING_NEW", Phase.FAILED),
    ],
)
def test_an_error_of_the_client_ends_the_job(bench: Bench, code: str, phase: Phase) -> None:
    child = bench.begun()
    child.say("error", code=code, what="", todo="", exit=1)
    child.end(1)
    bench.tick()

    assert _phase(bench) is phase
    assert bench.folders() == []


def test_a_child_that_cannot_be_started_is_a_fault(bench: Bench) -> None:
    bench.checked()
    bench.fails_to_start = EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the client")
    bench.session.apply(bench.order)
    bench.tick(5)

    assert (_phase(bench), _code(bench)) == (Phase.FAILED, "E_LOCAL_FILE")


def test_a_temporary_folder_that_cannot_be_made_is_a_fault(bench: Bench, tmp_path: Path) -> None:
    bench.checked()
    bench.root.rename(tmp_path.with_name("gone"))
    bench.session.apply(bench.order)

    assert (_phase(bench), _code(bench)) == (Phase.FAILED, "E_LOCAL_FILE")


def test_a_result_that_cannot_be_loaded_leaves_nothing_behind(bench: Bench) -> None:
    bench.order.refusal = EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    bench.begun()
    bench.finish()
    bench.tick(3)

    assert (_phase(bench), _code(bench)) == (Phase.FAILED, "E_GEOMETRY")
    assert bench.folders() == []


@pytest.mark.parametrize("error", [MemoryError(), ValueError("of somebody")], ids=repr)
def test_a_result_whose_loading_breaks_down_does_not_look_finished(
    bench: Bench, error: Exception
) -> None:
    bench.order.refusal = error
    bench.begun()
    bench.finish()
    bench.tick(3)

    assert (_phase(bench), _code(bench)) == (Phase.FAILED, "E_INTERNAL")
    outcome = bench.session.state.outcome
    assert outcome is not None
    assert outcome.node_id == ""
    assert bench.folders() == []
    assert "somebody" not in bench.session.log.as_text()


# ---- other workers, other times


def test_another_address_forgets_the_verdict(bench: Bench) -> None:
    bench.checked()
    other = Connection(url="https://other.site:8443", home=bench.root)
    bench.session.configure(other)

    assert _phase(bench) is Phase.UNCHECKED
    assert bench.session.state.trust is None
    bench.session.configure(None)
    assert _phase(bench) is Phase.UNCONFIGURED


def test_the_worker_cannot_be_changed_under_a_job(bench: Bench) -> None:
    bench.begun()
    bench.session.configure(Connection(url="https://other.site:8443", home=bench.root))

    assert bench.session.connection == bench.connection
    assert _phase(bench) is Phase.PREPARING


def test_closing_in_any_phase_ends_the_child_and_removes_the_files(bench: Bench) -> None:
    child = bench.begun()
    bench.session.happen(Kind.CLOSED)

    assert child.closes == 1
    assert bench.folders() == []
    bench.session.apply(bench.order)
    bench.tick(3)
    assert _phase(bench) is Phase.CLOSED


def test_closing_while_results_are_loaded_undoes_the_loading(bench: Bench) -> None:
    bench.begun()
    bench.clock.time_s += 1
    bench.finish()
    bench.session.happen(Kind.SCENE_CLOSED)

    assert _phase(bench) in (Phase.FAILED, Phase.READY)
    assert bench.session.state.outcome is None
