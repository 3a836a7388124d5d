"""Job headers for tests that do not look into them."""

import dataclasses
from datetime import timedelta

from Testing.Unit.worker.made import NOW

from encryptsecurert_protocol.jobs import JobHeader, job_digest
from encryptsecurert_protocol.results import ResultKey
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.jobs.book import JobBook
from encryptsecurert_worker.jobs.job import NUMBERS, Job
from encryptsecurert_worker.jobs.record import JobHead, JobRecord

RESULT_KEY = HpkeKeyPair.generate()
OWNER, OTHER = "aa" * 16, "bb" * 16


def order(job: str = "01" * 16, user: str = OWNER, **changes: object) -> JobHeader:
    """Return a job header; `changes` replace members."""
    header = JobHeader(
        job=job,
        user=user,
        certificate="cc" * 32,
        task="protect",
        inputs=("dd" * 32,),
        parameters="ee" * 32,
        result_key=ResultKey(suite=RESULT_KEY.suite, public=RESULT_KEY.public),
        created=NOW,
        expires=NOW + timedelta(hours=1),
        site_key_id="ff" * 32,
        min_epoch=1,
        policy="00" * 32,
        worker="11" * 32,
    )
    return dataclasses.replace(header, **changes)  # type: ignore[arg-type]  # members of a test


def new_job(job: str = "01" * 16, user: str = OWNER, **changes: object) -> Job:
    """Return a job as it is when it was accepted."""
    octets = order(job, user, **changes).encode()
    head = JobHead.of(JobHeader.decode(octets))
    digest = job_digest(octets)
    return Job(JobRecord(head=head, digest=digest, octets=octets, seq=1, events_from=NUMBERS))


def accept(book: JobBook, header: JobHeader) -> Job:
    """Have a book accept an order as the worker does."""
    octets = header.encode()
    return book.accept(header, octets, job_digest(octets), header.certificate)
