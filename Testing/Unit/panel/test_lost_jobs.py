"""A job whose worker is away or busy: waited for, given up, found again."""

import pytest
from Testing.Unit.panel.conftest import JOB, Bench

from EncryptSecureRTLib.panel.phases import Kind, Phase
from EncryptSecureRTLib.panel.view import view_of


def _phase(bench: Bench) -> Phase:
    return bench.session.state.phase


def _lose(bench: Bench) -> None:
    child = bench.begun()
    child.say("job", job=JOB)
    child.say("waiting", code="E_UNREACHABLE", attempt=1, pause_s=0.5)
    bench.tick()
    assert bench.session.state.run.attempt == 1
    child.say("error", code="E_UNREACHABLE", what="", todo="", exit=3, job=JOB)
    child.end(3)
    bench.tick()


def test_a_lost_job_is_found_again_and_loaded(bench: Bench) -> None:
    _lose(bench)
    assert _phase(bench) is Phase.LOST

    bench.session.happen(Kind.RECONNECT)
    assert (bench.child.command, bench.child.request["job"]) == ("fetch", JOB)
    bench.child.say("progress", stage="lungs", fraction=0.7)
    bench.tick()
    assert _phase(bench) is Phase.RUNNING
    bench.finish()
    bench.tick(3)

    assert _phase(bench) is Phase.DONE


def test_a_lost_job_stays_so_while_there_is_no_place_for_its_results(bench: Bench) -> None:
    _lose(bench)
    (folder,) = bench.folders()
    away = folder.with_name("away")
    folder.rename(away)

    bench.session.happen(Kind.RECONNECT)
    notice = bench.session.state.notice
    assert notice is not None
    assert (_phase(bench), notice.code) == (Phase.LOST, "E_LOCAL_FILE")
    assert bench.session.state.run.job == JOB
    away.rename(folder)
    bench.session.happen(Kind.RECONNECT)
    bench.finish()
    bench.tick(3)

    assert _phase(bench) is Phase.DONE


def test_a_lost_job_can_be_cancelled(bench: Bench) -> None:
    _lose(bench)
    bench.session.happen(Kind.CANCEL)
    assert (bench.child.command, bench.child.request["job"]) == ("cancel", JOB)

    bench.child.say("result", state="cancelled")
    bench.child.end(0)
    bench.tick()

    assert _phase(bench) is Phase.READY


def test_a_line_after_waiting_says_that_the_connection_is_back(bench: Bench) -> None:
    child = bench.begun()
    child.say("waiting", code="E_UNREACHABLE", attempt=2, pause_s=4.0)
    bench.tick()
    child.say("progress", stage="lungs", fraction=0.2)
    bench.tick()

    assert bench.session.state.run.attempt == 0


@pytest.mark.parametrize(
    ("code", "what"), [("E_UNREACHABLE", "Connection lost"), ("E_BUSY", "The worker is busy")]
)
def test_what_is_waited_for_is_said(bench: Bench, code: str, what: str) -> None:
    child = bench.begun()
    child.say("waiting", code=code, attempt=2, pause_s=4.0)
    bench.tick()

    told = view_of(bench.session.state, "", (), bench.clock.time_s).progress.what
    assert told == f"{what}, trying again in 4 s (attempt 2)"
