"""Every error has its two sentences in the panel, and none of them says what it must not."""

import re

import pytest

from EncryptSecureRTLib.client.process import ErrorCode
from EncryptSecureRTLib.panel.messages import REFUSED, lost_notice, notice_of, refuses_worker
from EncryptSecureRTLib.panel.state import Offer, Tone

_CODES = list(ErrorCode)


@pytest.mark.parametrize("code", _CODES, ids=lambda code: code.name)
def test_every_code_says_what_happened_and_what_to_do(code: ErrorCode) -> None:
    notice = notice_of(code.name)

    assert notice.what.endswith(".")
    assert notice.todo.endswith(".")
    assert len(notice.what) < 250
    if code is not ErrorCode.E_CANCELLED:
        assert notice.tone is Tone.BAD
        assert notice.code == code.name
        assert code.name in notice.details[0]


@pytest.mark.parametrize("code", _CODES, ids=lambda code: code.name)
def test_no_sentence_asks_for_a_command_line_option_or_names_an_exception(code: ErrorCode) -> None:
    notice = notice_of(code.name)

    assert not re.search(
        r"--\w|Error\b|Exception|Traceback|E_[A-Z]", f"{notice.what} {notice.todo}"
    )


@pytest.mark.parametrize(
    "code", [c for c in _CODES if c.value.exit_code == 5], ids=lambda c: c.name
)
def test_every_refusal_says_that_nothing_was_sent(code: ErrorCode) -> None:
    assert notice_of(code.name).what.startswith(REFUSED)
    assert refuses_worker(code)


def test_an_unknown_code_is_an_internal_error() -> None:
    assert notice_of("E_OF_A_LATER_VERSION").code == "E_INTERNAL"


def test_a_detail_stands_in_brackets_before_the_full_stop() -> None:
    notice = notice_of("E_QUOTA", detail="200 patients today")

    assert notice.what == "A quota of yours is used up (200 patients today)."


def test_a_clear_study_offers_to_be_sealed_and_a_lost_job_to_be_cancelled() -> None:
    assert notice_of("E_NOT_PROTECTED").offer is Offer.SEAL_STUDY
    assert lost_notice("ab" * 16).offer is Offer.CANCEL_JOB
    assert notice_of("E_BUSY").offer is None
