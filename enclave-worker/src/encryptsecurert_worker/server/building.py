"""Puts a worker together: claims the state folder, reads what it holds, makes this start's keys."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.sealing import derive_key
from encryptsecurert_worker.audit.chain import AuditChain, audit_exists
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.evidence.provider import QuoteProvider
from encryptsecurert_worker.evidence.ratls_cert import make_ratls_identity
from encryptsecurert_worker.jobs.book import JobBook
from encryptsecurert_worker.server.config import WorkerConfig
from encryptsecurert_worker.tasks.break_glass import BreakGlassTask
from encryptsecurert_worker.tasks.dose_compare import DoseCompareTask
from encryptsecurert_worker.tasks.measurement_compare import MeasurementCompareTask
from encryptsecurert_worker.tasks.plan_check import PlanCheckTask
from encryptsecurert_worker.tasks.protect import ProtectTask
from encryptsecurert_worker.tasks.reveal import RevealTask
from encryptsecurert_worker.tasks.segment import SegmentTask
from encryptsecurert_worker.tasks.task import TaskRegistry
from encryptsecurert_worker.vault.claim import StateClaim
from encryptsecurert_worker.vault.identity import new_identity
from encryptsecurert_worker.vault.leases import LeaseKeeper
from encryptsecurert_worker.vault.ledger import Ledger
from encryptsecurert_worker.vault.objects import ObjectStore
from encryptsecurert_worker.vault.quotas import Quotas
from encryptsecurert_worker.vault.sealing_keys import SealingKeyProvider, storage_key
from encryptsecurert_worker.vault.site import Site
from encryptsecurert_worker.vault.time import WorkerTime


def utc_now() -> datetime:
    """Return the host's time; an enclave has no other."""
    return datetime.now(UTC)


def build_core(
    config: WorkerConfig,
    provider: QuoteProvider,
    sealing: SealingKeyProvider,
    clock: Callable[[], datetime] = utc_now,
) -> WorkerCore:
    """Claim the state folder and put the parts together; `WorkerCore.close` lets go of it.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if the folder cannot be used or another worker uses it; E_STATE if what lies
        there is not this worker's, whole and in order.
    """
    try:
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    claim = StateClaim(config.state)
    claim.acquire()
    key = storage_key(sealing)
    ledger = Ledger(config.state, key)
    try:
        return _build(config, provider, key, clock, (claim, ledger))
    except BaseException:
        ledger.close()
        claim.release()
        raise


def _build(
    config: WorkerConfig,
    provider: QuoteProvider,
    key: bytes,
    clock: Callable[[], datetime],
    held: tuple[StateClaim, Ledger],
) -> WorkerCore:
    claim, ledger = held
    ledger.open(fresh=not audit_exists(config.state))
    time = WorkerTime(ledger, clock)
    time.restore()
    identity = new_identity(ledger, time.now(), time.monotonic_s())
    site = Site()
    site.restore(ledger)
    audit = AuditChain(config.state, ledger, time, identity.instance_id, identity.start_id)
    audit.restore(None if site.current is None else site.current.core.auditor_key)
    # At once: who kills each start before it counts again would keep time from passing.
    with contextlib.suppress(EncryptSecureRTError):  # a full disk keeps nobody from starting
        ledger.write([time.service_fact()], durable=False)
    if site.current is not None:  # before anything else is told of this start
        bundle = site.current.name
        audit.append(AuditEvent.STARTED, epoch=bundle.epoch, digest=bundle.digest)
    objects = ObjectStore(config.state / "objects", key, ledger, time)
    objects.restore()
    leases = LeaseKeeper(site, time, identity.start_id)
    book = JobBook(
        config.state / "results",
        ledger=ledger,
        time=time,
        audit=audit,
        site=site,
        ready=lambda: leases.open,
    )
    book.restore()
    return WorkerCore(
        state=config.state,
        storage_key=key,
        memory_bytes=config.memory_bytes,
        claim=claim,
        ledger=ledger,
        time=time,
        provider=provider,
        tls=make_ratls_identity(provider),
        identity=identity,
        site=site,
        leases=leases,
        objects=objects,
        quotas=Quotas(ledger, time, derive_key(key, b"quota/v1")),
        book=book,
        tasks=TaskRegistry(
            [
                ProtectTask(),
                RevealTask(),
                SegmentTask(threads=config.threads),
                PlanCheckTask(),
                DoseCompareTask(threads=config.threads),
                MeasurementCompareTask(threads=config.threads),
                BreakGlassTask(),
            ]
        ),
        audit=audit,
    )
