"""Two clients of one user with one job id, at the same instant: one job, whoever came first."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from Testing.Integration.audited import audit_lines
from Testing.Integration.held import no_job_starts
from Testing.Integration.hospital import Hospital
from Testing.Integration.orders import draft, post

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.jobs import JobHeader, job_digest
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome

ROUNDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two channels of one user."""

    hospital: Hospital
    home: ClientHome
    channels: tuple[Channel, Channel]

    def order(self) -> JobHeader:
        """Return an order that nobody has sent."""
        return draft(self.channels[0], self.home)

    def at_once(self, *orders: JobHeader) -> list[dict[str, Any] | str]:
        """Send two orders at the same instant; return both answers, an error as its code."""
        gate = threading.Barrier(2)
        answers: list[dict[str, Any] | str] = ["", ""]
        key = self.home.user().key

        def send(number: int) -> None:
            gate.wait()
            try:
                answers[number] = post(self.channels[number], orders[number], key)
            except EncryptSecureRTError as error:
                answers[number] = error.code.name

        threads = [threading.Thread(target=send, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def listed(self) -> Counter[str]:
        """Return how often each job is in the user's list."""
        rows = self.channels[0].request_json("GET", "/v1/jobs")["jobs"]
        return Counter(row["job"] for row in rows)

    def submitted(self) -> dict[str, list[str]]:
        """Return, for each job, the digests of its submissions in the audit log."""
        found: dict[str, list[str]] = {}
        for line in audit_lines(self.hospital):
            if line.event is AuditEvent.JOB_SUBMITTED:
                found.setdefault(line.job, []).append(line.digest)
        return found


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    hospital = Hospital(folder / "stand")
    home = hospital.user(Role.PHYSICIST)
    other = hospital.fresh_home(home, folder / "other-workstation")
    with hospital:
        hospital.provision()
        with hospital.channel(home) as one, hospital.channel(other) as two:
            yield Pair(hospital=hospital, home=home, channels=(one, two))


def test_the_same_order_from_two_clients_is_one_job_and_both_hear_the_same(pair: Pair) -> None:
    orders = [pair.order() for _ in range(ROUNDS)]
    with no_job_starts(pair.hospital.service.core):
        told = [pair.at_once(order, order) for order in orders]
        listed = pair.listed()

    for order, answers in zip(orders, told, strict=True):
        assert answers == [{"job": order.job, "state": "queued"}] * 2
        assert listed[order.job] == 1
    submitted = pair.submitted()
    assert [len(submitted[order.job]) for order in orders] == [1] * ROUNDS


def test_of_two_orders_under_one_id_exactly_one_is_taken(pair: Pair) -> None:
    firsts = [pair.order() for _ in range(ROUNDS)]
    seconds = [
        dataclasses.replace(first, expires=first.expires - timedelta(seconds=1)) for first in firsts
    ]
    with no_job_starts(pair.hospital.service.core):
        told = [pair.at_once(*orders) for orders in zip(firsts, seconds, strict=True)]
        listed = pair.listed()

    for first, answers in zip(firsts, told, strict=True):
        taken = {"job": first.job, "state": "queued"}
        assert answers in ([taken, "E_REPLAY"], ["E_REPLAY", taken])
        assert listed[first.job] == 1
    submitted = pair.submitted()
    assert [len(submitted[first.job]) for first in firsts] == [1] * ROUNDS


def test_the_order_that_was_taken_is_the_one_in_the_log(pair: Pair) -> None:
    first = pair.order()
    second = dataclasses.replace(first, expires=first.expires - timedelta(seconds=1))

    answers = pair.at_once(first, second)

    winner = (second, first)[answers.index("E_REPLAY")]  # not the one that was refused
    assert pair.submitted()[first.job] == [_digest(winner)]
    again = post(pair.channels[0], winner, pair.home.user().key)
    assert again["job"] == first.job


def _digest(order: JobHeader) -> str:
    return job_digest(order.encode()).hex()
