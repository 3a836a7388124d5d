"""Rights count at the moment at which they are used, and results only of jobs that are done."""

import dataclasses
import time
from pathlib import Path

import pytest
from Testing.Integration.hospital import Hospital, Ward
from Testing.Integration.orders import draft, put_object, refusal_of
from Testing.Integration.served import raw_connection
from Testing.Integration.test_bounds_of_connections import _answer

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobHeader, JobState, job_digest
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.signatures import Label, sign, signed_message
from encryptsecurert_worker.jobs.book import JobBook
from encryptsecurert_worker.jobs.job import Job
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.custodian.provision import provision


def test_a_job_whose_last_octet_comes_after_the_revocation_is_refused(tmp_path: Path) -> None:
    with Hospital(tmp_path) as hospital:
        home = hospital.user(Role.PHYSICIST)
        hospital.provision()
        with hospital.channel(home) as channel:
            name = put_object(channel, home, b"never read", ObjectKind.HEADERS)
            octets = draft(channel, home, inputs=(name,)).encode()
            signature = sign(home.user().key, Label.JOB, octets)
            body = canonical.encode(signed_message(octets, signature))
            with raw_connection(hospital.url, home) as connection:
                head = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                connection.sendall(head % len(body) + body[:-1])
                time.sleep(0.2)
                hospital.site.revoke_user(home.user().user)
                with open_channel(
                    hospital.site.home, hospital.url, allow_unprovisioned=True
                ) as custodian:
                    provision(hospital.site, custodian)
                    connection.sendall(body[-1:])
                    answer = _answer(connection)

        assert b"200 OK" not in answer
        assert list(hospital.service.core.book.of(home.user().user)) == []


def _accepted(book: JobBook, header: JobHeader) -> Job:
    octets = header.encode()
    return book.accept(header, octets, job_digest(octets), header.certificate)


def test_a_result_of_a_job_that_still_runs_is_not_given_out(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = ward.hospital.service.core.book
    monkeypatch.setattr(book, "_ready", lambda: False)  # the runner leaves this job to us
    with ward.channel() as channel:
        job = _accepted(book, draft(channel, ward.physicist))
        path = f"/v1/results/{job.header.job}/headers"

        early = refusal_of(channel.request, "GET", path)
        book.steps.start(job)
        running = refusal_of(channel.request, "GET", path)
        book.steps.finish(job, (book.files.write("headers", [b"sealed"]),))
        done = channel.request("GET", path).content

    book.cancel(job)  # out of the queue, in which a started job never is
    assert (early, running, done) == (ErrorCode.E_NOT_FOUND, ErrorCode.E_NOT_FOUND, b"sealed")


def test_who_may_run_nothing_may_upload_nothing(ward: Ward) -> None:
    with ward.channel(ward.auditor) as channel:
        auditor = refusal_of(put_object, channel, ward.auditor, b"{}")
    with ward.channel() as channel:
        put_object(channel, ward.physicist, b"{}")

    assert auditor is ErrorCode.E_FORBIDDEN


def test_parameters_larger_than_a_header_are_refused_before_they_travel(ward: Ward) -> None:
    with ward.channel() as channel:
        code = refusal_of(put_object, channel, ward.physicist, bytes(1024 * 1024 + 1))
        put_object(channel, ward.physicist, bytes(1024 * 1024))

    assert code is ErrorCode.E_TOO_LARGE


def test_a_second_worker_on_the_same_state_folder_is_refused(tmp_path: Path) -> None:
    with Hospital(tmp_path) as hospital:
        home = hospital.user(Role.PHYSICIST)
        hospital.provision()
        with hospital.channel(home) as channel:
            name = put_object(channel, home, b"kept")
            code = refusal_of(hospital._service)

            held = hospital.service.core.objects.require_complete(home.user().user, name)

    assert code is ErrorCode.E_LOCAL_FILE
    assert held.complete


def test_a_bundle_that_follows_one_that_ended_can_be_brought(tmp_path: Path) -> None:
    with Hospital(tmp_path) as hospital:
        home = hospital.user(Role.PHYSICIST)
        hospital.provision()
        site = hospital.service.core.site
        ended = site.require()
        core = dataclasses.replace(ended.core, not_after=ended.core.not_before)
        site._provisioned = dataclasses.replace(ended, core=core)
        with hospital.channel(home) as channel:
            refused = refusal_of(channel.request, "GET", "/v1/tasks")

        hospital.site.revoke_user(hospital.user(Role.RESEARCHER).user().user)
        hospital.provision()

        assert refused is ErrorCode.E_USER_CERTIFICATE
        with hospital.channel(home) as channel:
            assert channel.request_json("GET", "/v1/tasks")["tasks"]


def test_a_full_disk_keeps_no_revoked_users_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Hospital(tmp_path) as hospital:
        home = hospital.user(Role.PHYSICIST)
        hospital.provision()
        core = hospital.service.core
        with hospital.channel(home) as channel:
            order = draft(channel, home)
        monkeypatch.setattr(core.book, "_ready", lambda: False)  # the runner leaves it to us
        job = _accepted(core.book, order)
        core.book.steps.start(job)
        monkeypatch.setattr(core.ledger, "write", _disk_full)
        hospital.site.revoke_user(home.user().user)
        code = refusal_of(hospital.provision)

        assert code is ErrorCode.E_BUSY
        assert job.state is JobState.CANCELLING


def _disk_full(*_: object, **__: object) -> None:
    raise EncryptSecureRTError(ErrorCode.E_BUSY)
