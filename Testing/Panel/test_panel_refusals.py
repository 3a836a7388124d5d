"""Workers and users that are refused: what the panel says, and that nothing went out or stayed."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from Testing.Integration.hospital import answering
from Testing.Panel.homes import copy_of, with_expired_certificate, with_expired_policy
from Testing.Panel.traces import assert_untouched, badge, details, enabled

from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.statement import BundleName, Statement, fresh_report_data
from encryptsecurert_worker.core import WorkerCore

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic
    from Testing.Panel.held_clinic import HeldClinic

_AGAIN = ["testConnectionButton", "urlComboBox", "ctSelector"]


def _apply(bench: "PanelBench", url: str, home: Path) -> str:
    """Press Apply on the phantom at a worker that was not checked; return the phase at the end."""
    bench.connect(url, home)
    bench.choose(bench.add_phantom())
    bench.press("applyButton")
    return bench.wait_idle()


# ---- workers out of reach


@contextmanager
def _deaf_port() -> Iterator[str]:
    """Listen, take connections, and never say a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


def _free_port() -> str:
    """Return the address of a port at which nobody listens."""
    with _deaf_port() as url:
        return url


def test_a_worker_that_is_not_there_is_said_to_be_so_and_can_be_tried_again(
    bench: "PanelBench", clinic: "Clinic"
) -> None:
    assert _apply(bench, _free_port(), clinic.physicist) == "failed"

    assert bench.message.startswith("The worker did not answer. Check the address")
    assert details(bench) == ["E_UNREACHABLE, exit code 3"]
    assert enabled(bench, "applyButton", *_AGAIN) == ["applyButton", *_AGAIN]
    assert bench.named("checkTitle0").text == "✗ Reach"
    assert bench.named("checkWords1").text == "not checked"
    assert not bench.ui.logSection.collapsed
    assert_untouched(bench)

    bench.connect(clinic.url, clinic.physicist)
    bench.press("testConnectionButton")
    assert bench.wait_idle() == "ready"
    assert bench.message == ""


def test_a_port_that_never_answers_is_given_up_after_10_s(
    bench: "PanelBench", clinic: "Clinic"
) -> None:
    with _deaf_port() as url:
        assert _apply(bench, url, clinic.physicist) == "failed"

    assert bench.message.startswith("The worker did not answer in time. Try again")
    assert details(bench) == ["E_TIMEOUT, exit code 3"]
    assert "applyButton" in enabled(bench, "applyButton")
    assert_untouched(bench)


# ---- workers that are not what the policy asks for


def test_a_worker_with_another_measurement_is_refused_and_gets_not_an_octet(
    bench: "PanelBench", clinic: "Clinic"
) -> None:
    assert _apply(bench, clinic.url, clinic.stranger) == "refused"

    assert badge(bench) == "REFUSED: measurement (E_MEASUREMENT)"
    assert "could not prove that it runs approved code, so nothing was sent" in bench.message
    assert details(bench) == ["E_MEASUREMENT, exit code 5"]
    assert enabled(bench, "applyButton", *_AGAIN) == _AGAIN
    assert bench.ui.applyButton.toolTip == (
        "The worker was refused: nothing is sent to it. Press Test connection."
    )
    bench.press("trustDetailsButton")
    assert bench.shown("verdictTree")
    assert_untouched(bench)


def test_an_expired_policy_refuses_every_worker_and_a_new_one_does_not(
    bench: "PanelBench", clinic: "Clinic", tmp_path: Path
) -> None:
    old = with_expired_policy(copy_of(clinic.physicist, tmp_path / "old"), clinic.stand.site)
    assert _apply(bench, clinic.url, old) == "refused"

    assert badge(bench) == "REFUSED: E_POLICY_EXPIRED"
    assert bench.message == "The policy is not valid at this time. Get a new policy."
    assert details(bench) == ["E_POLICY_EXPIRED, exit code 6"]
    assert enabled(bench, "applyButton", *_AGAIN) == _AGAIN
    assert bench.named("checkTitle3").text == "✗ Policy"
    assert_untouched(bench)

    bench.connect(clinic.url, clinic.physicist)
    assert bench.phase == "unchecked"
    assert bench.ui.trustBadge.text == "Not checked"
    assert bench.message == ""


def test_a_worker_without_site_keys_is_not_sent_to(bench: "PanelBench", held: "HeldClinic") -> None:
    with held.hospital.liar(lambda core: core) as (url, inside):
        assert _apply(bench, url, held.physicist) == "failed"

        assert _requests(inside.lines()) == ["GET /v1/evidence"]
    assert bench.message == (
        "The worker has no site keys yet. The key custodian has to provision it."
    )
    assert details(bench) == ["E_NOT_PROVISIONED, exit code 7"]
    assert bench.named("checkTitle4").text == "✗ Provisioned"
    assert_untouched(bench)


def _requests(lines: list[str]) -> list[str]:
    return [line.partition("?")[0] for line in lines]


def _of_another_site(bundle: BundleName) -> Callable[[WorkerCore, bytes], EvidenceAnswer]:
    """Return what a genuine worker says that was provisioned by another site."""
    other = replace(bundle, site_key_id="0f" * 32)

    def answer(core: WorkerCore, nonce: bytes) -> EvidenceAnswer:
        statement = replace(Statement.decode(core.statement()), bundle=other).encode()
        quote = core.provider.quote(fresh_report_data(core.tls.spki, nonce, statement))
        collateral = core.provider.collateral()
        return EvidenceAnswer(statement=statement, quote=quote, collateral=collateral)

    return answer


def test_a_worker_of_another_site_is_not_sent_to(bench: "PanelBench", held: "HeldClinic") -> None:
    bundle = held.hospital.service.core.site.require().name
    with held.hospital.liar(answering(_of_another_site(bundle))) as (url, inside):
        assert _apply(bench, url, held.physicist) == "failed"

        assert _requests(inside.lines()) == ["GET /v1/evidence"]
    assert bench.message == ("The worker belongs to another site. Check the address; send nothing.")
    assert details(bench) == ["E_SITE, exit code 7"]
    assert_untouched(bench)


# ---- users who are refused


def _expired(clinic: "Clinic", place: Path) -> Path:
    return with_expired_certificate(copy_of(clinic.physicist, place), clinic.stand.site)


@pytest.mark.parametrize("user", ["revoked", "expired"])
def test_a_certificate_that_holds_no_more_gets_in_nowhere(
    bench: "PanelBench", clinic: "Clinic", tmp_path: Path, user: str
) -> None:
    home = clinic.revoked if user == "revoked" else _expired(clinic, tmp_path / "home")
    assert _apply(bench, clinic.url, home) == "failed"

    assert bench.message == (
        "The worker refused your certificate: unknown, expired or revoked."
        " Ask the key custodian for a new one."
    )
    assert details(bench) == ["E_USER_CERTIFICATE, exit code 4"]
    assert bench.named("checkTitle1").text == "✗ TLS"
    assert_untouched(bench)


def test_the_auditor_may_look_but_not_segment(bench: "PanelBench", clinic: "Clinic") -> None:
    assert _apply(bench, clinic.url, clinic.auditor) == "failed"

    assert bench.message.startswith("Your role does not allow this. Ask the key custodian")
    assert details(bench)[0] == "E_FORBIDDEN, exit code 8"
    assert bench.ui.trustBadge.text.startswith("SIMULATED TEE")
    assert enabled(bench, "applyButton", *_AGAIN) == _AGAIN
    assert bench.ui.applyButton.toolTip == "Your role does not allow segmentation on this worker."
    assert_untouched(bench)
