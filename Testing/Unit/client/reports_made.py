"""Reports as a worker gives them, made by hand: what tests of the officer's report share."""

import datetime
import hashlib
from dataclasses import replace

from encryptsecurert_protocol.protection_reports import (
    ClearAttribute,
    KindReport,
    ProtectionReport,
    SealedCount,
)
from encryptsecurert_protocol.reveals import RevealClass
from EncryptSecureRTLib.client.report import BatchReport, StudyReport, Worker, study_report

NOW = datetime.datetime(2026, 11, 26, 12, 0, tzinfo=datetime.UTC)

ROWS = ClearAttribute(
    tags=("00280010",),
    path=("Rows",),
    action="keep, if it is a number",
    reason=None,
    table=None,
    instances=2,
)
KIND = KindReport(
    sop_class="1.2.840.10008.5.1.4.1.1.2",
    name="CT image",
    instances=2,
    vouched=0,
    attributes=(ROWS,),
    sealed={kind: SealedCount(attributes=3, nested=1) for kind in RevealClass},
)
REPORT = ProtectionReport(
    profile="EncryptSecureRT profile 1",
    algorithm="protect-3",
    options={"dates": "remove", "pixels": "judged"},
    studies=("2.25.1",),
    kinds=(KIND,),
    refused=(),
    not_covered=("Pixels stand in clear.",),
)


def batch(report: ProtectionReport = REPORT, *, simulated: bool = True) -> BatchReport:
    """Return the report of one job, of which a receipt could be."""
    kind = "SIMULATED - not protected" if simulated else "SGX"
    return BatchReport(
        report=report,
        report_sha256=hashlib.sha256(report.encode()).hexdigest(),
        receipt_sha256="12" * 32,
        worker=Worker(
            simulated=simulated,
            words=f"{kind}, platform UpToDate, code as the policy names it",
            measurement="ab" * 32,
            policy_sha256="cd" * 32,
            judged_at=NOW,
        ),
    )


def study(*reports: ProtectionReport, simulated: bool = True) -> StudyReport:
    """Return the report of a study protected in as many jobs."""
    batches = [batch(one, simulated=simulated) for one in reports or (REPORT,)]
    instances = sum(one.report.instances for one in batches)
    return study_report(batches, [], instances=instances, now=NOW)


def of_kind(kind: KindReport) -> ProtectionReport:
    """Return a report of one kind."""
    return replace(REPORT, kinds=(kind,))
