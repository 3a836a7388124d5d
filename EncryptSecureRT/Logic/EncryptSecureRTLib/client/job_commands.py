"""The commands about jobs: what a worker holds, what it offers, and break-glass."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.arguments import Invocation
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import Reporter
from EncryptSecureRTLib.client.session import Command, Switch, open_session
from EncryptSecureRTLib.client.unfinished import NOT_FETCHED, JobGoesOn

if TYPE_CHECKING:
    from encryptsecurert_protocol.receipts import ReceiptBody
    from EncryptSecureRTLib.client.jobs import Finished, Watcher
    from EncryptSecureRTLib.client.listing import Offer
    from EncryptSecureRTLib.client.telling import Told

_GRANTED = "granted_s"


def jobs(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """List the user's jobs, and remove the orders of those that are gone."""
    from EncryptSecureRTLib.client.listing import list_jobs
    from EncryptSecureRTLib.client.orders import opened_here, prune_orders
    from EncryptSecureRTLib.client.telling import jobs_told
    from EncryptSecureRTLib.client.trust import utc_now

    home = ClientHome(invocation.home)
    with open_session(invocation, reporter, switch) as (channel, _):
        rows = list_jobs(channel)
        prune_orders(home, utc_now(), url=channel.url, held={row.job for row in rows})
        simulated = channel.verdict.simulated
    words, value = jobs_told(rows, opened_here(home))
    reporter.result(words, {**value, "simulated": simulated})
    return 0


def fetch(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Wait for a job that was ordered before, and write its results; a stop leaves it alone."""
    from encryptsecurert_protocol.dose_jobs import DOSE_COMPARE_TASK
    from encryptsecurert_protocol.measurements import MEASUREMENT_COMPARE_TASK
    from encryptsecurert_protocol.plan_checks import PLAN_CHECK_TASK
    from EncryptSecureRTLib.client.display_writer import refuse_unless_ready
    from EncryptSecureRTLib.client.dose_compare import RESULT_FILES
    from EncryptSecureRTLib.client.listing import find_job
    from EncryptSecureRTLib.client.measurement_compare import MEASUREMENT_FILES, saying_why
    from EncryptSecureRTLib.client.orders import open_order
    from EncryptSecureRTLib.client.plan_check import CHECK_FILES
    from EncryptSecureRTLib.client.results import refuse_if_taken
    from EncryptSecureRTLib.client.runs import RUN_AGAIN, finish_job

    home, job, out = ClientHome(invocation.home), invocation.need_job(), invocation.need_out()
    order = open_order(home, job)
    if order.header.task in NOT_FETCHED:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, RUN_AGAIN.format(order.header.task))
    refuse_if_taken(out)
    if order.header.task == DOSE_COMPARE_TASK:
        refuse_if_taken(out, RESULT_FILES)
    if order.header.task == PLAN_CHECK_TASK:
        refuse_if_taken(out, CHECK_FILES)
    if order.header.task == MEASUREMENT_COMPARE_TASK:
        refuse_if_taken(out, MEASUREMENT_FILES)
    if invocation.display is not None:
        refuse_unless_ready(invocation.display)
    url = invocation.url_asked or order.url
    try:
        with open_session(invocation, reporter, switch, url=url, stop_ends_job=False) as (
            channel,
            watcher,
        ):
            if invocation.no_wait and not find_job(channel, job).state.ended:
                raise EncryptSecureRTError(ErrorCode.E_BUSY, "the job has not ended")
            with saying_why(watcher) as listener:
                finished = finish_job(channel, home, order, listener)
            told = _write_fetched(home, invocation, finished, watcher)
    except KeyboardInterrupt:
        detail = "the job was left alone; fetch it later"
        raise JobGoesOn(ErrorCode.E_CANCELLED, job, detail) from None
    reporter.result(*told)
    return 0


def _write_fetched(
    home: ClientHome, invocation: Invocation, finished: "Finished", watcher: "Watcher"
) -> "Told":
    """Write the results of a task into the folders that were asked for, and tell them."""
    from encryptsecurert_protocol.dose_jobs import DOSE_COMPARE_TASK
    from encryptsecurert_protocol.measurements import MEASUREMENT_COMPARE_TASK
    from encryptsecurert_protocol.plan_checks import PLAN_CHECK_TASK
    from EncryptSecureRTLib.client.display_writer import display_in
    from EncryptSecureRTLib.client.dose_compare import ReportChoice, write_comparison
    from EncryptSecureRTLib.client.dose_inputs import read_known
    from EncryptSecureRTLib.client.dose_told import comparison_told
    from EncryptSecureRTLib.client.measurement_compare import write_measurement
    from EncryptSecureRTLib.client.measurement_told import measurement_told
    from EncryptSecureRTLib.client.plan_check import write_check
    from EncryptSecureRTLib.client.plan_words import compared_told
    from EncryptSecureRTLib.client.results import write_results
    from EncryptSecureRTLib.client.telling import results_told

    out, display = invocation.need_out(), invocation.display
    if finished.body.task == DOSE_COMPARE_TASK:
        asked = invocation.dose
        choice = ReportChoice(out=out, html=not asked.no_report, pdf=asked.pdf, display=display)
        known = read_known(asked)
        made = write_comparison(home, finished, choice, known, watcher)
        return comparison_told(made, known.labels)
    if finished.body.task == PLAN_CHECK_TASK:
        return compared_told(write_check(home, out, finished, watcher))
    if finished.body.task == MEASUREMENT_COMPARE_TASK:
        return measurement_told(write_measurement(home, out, finished, watcher))
    with display_in(display, finished, watcher):
        return results_told(write_results(home, out, finished, watcher))


def cancel(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Ask the worker to end a job."""
    from EncryptSecureRTLib.client.jobs import cancel as ask_for_end

    job = invocation.need_job()
    url = invocation.url_asked or _ordered_from(invocation, job)
    with open_session(invocation, reporter, switch, url=url) as (channel, _):
        state = ask_for_end(channel, job)
        simulated = channel.verdict.simulated
    words = f"job {job} {'has ended: ' if state.ended else 'is '}{state.value}"
    reporter.result(words, {"job": job, "state": state.value, "simulated": simulated})
    return 0


def _ordered_from(invocation: Invocation, job: str) -> str:
    """Return the worker's address of a job's order, empty if it was not ordered from here."""
    from EncryptSecureRTLib.client.orders import open_order

    try:
        return open_order(ClientHome(invocation.home), job).url
    except EncryptSecureRTError:
        return ""


def tasks(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Tell what the user may do at this worker."""
    from EncryptSecureRTLib.client.telling import tasks_told

    return _tell_offer(invocation, reporter, switch, tasks_told)


def models(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Tell which models the user may use."""
    from EncryptSecureRTLib.client.telling import models_told

    return _tell_offer(invocation, reporter, switch, models_told)


def _tell_offer(
    invocation: Invocation,
    reporter: Reporter,
    switch: Switch,
    told: Callable[["Offer"], tuple[str, dict[str, object]]],
) -> int:
    from EncryptSecureRTLib.client.listing import ask_offer

    with open_session(invocation, reporter, switch) as (channel, _):
        words, value = told(ask_offer(channel))
        simulated = channel.verdict.simulated
    reporter.result(words, {**value, "simulated": simulated})
    return 0


def break_glass(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Open a case for some hours, with a reason that the auditor reads."""
    from encryptsecurert_protocol.fields import time_text
    from EncryptSecureRTLib.client.receipts import archive_receipt
    from EncryptSecureRTLib.client.runs import run_job
    from EncryptSecureRTLib.client.trust import utc_now

    home, case, reason = ClientHome(invocation.home), _case(invocation), _reason(invocation)
    parameters = {
        "schema": "encryptsecurert.break-glass/1",
        "pseudonym": case,
        "reason": reason,
    }
    with open_session(invocation, reporter, switch) as (channel, watcher):
        finished = run_job(channel, home, "break_glass", tuple, parameters, watcher)
    receipt = archive_receipt(home, finished.receipt, utc_now())
    until = time_text(_granted_until(finished.body))
    reporter.result(
        f"{case} is open to you until {until}. The auditor will read your reason.\n{receipt}",
        {
            "case": case,
            "until": until,
            "receipt": str(receipt),
            "receipt_sha256": finished.judged.sha256,
            "simulated": finished.judged.verdict.simulated,
        },
    )
    return 0


def _case(invocation: Invocation) -> str:
    from encryptsecurert_protocol.bundles import PSEUDONYM

    if not re.fullmatch(PSEUDONYM, invocation.case):
        detail = "--case is a pseudonym: P and 16 of A-Z and 2-7"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
    return invocation.case


def _reason(invocation: Invocation) -> str:
    from encryptsecurert_protocol.audit import NOTE_CHARACTERS, checked_note

    try:
        return checked_note(invocation.reason)
    except EncryptSecureRTError:
        detail = f"--reason says why, in one line of at most {NOTE_CHARACTERS} characters"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail) from None


def _granted_until(body: "ReceiptBody") -> datetime:
    granted_s = dict(body.numbers).get(_GRANTED)
    if granted_s is None:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    return body.time_claimed + timedelta(seconds=float(granted_s))


COMMANDS: dict[str, Command] = {
    "jobs": jobs,
    "fetch": fetch,
    "cancel": cancel,
    "tasks": tasks,
    "models": models,
    "break-glass": break_glass,
}
