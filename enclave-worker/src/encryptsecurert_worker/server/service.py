"""The running worker: parts made, server and job thread started, stopped without a trace left."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.audit.chain import AuditChain
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.evidence.provider import QuoteProvider
from encryptsecurert_worker.evidence.ratls_cert import make_ratls_identity
from encryptsecurert_worker.jobs.book import JobBook
from encryptsecurert_worker.jobs.runner import JobRunner
from encryptsecurert_worker.server.answers import unknown_route
from encryptsecurert_worker.server.provisioning import Provisioner
from encryptsecurert_worker.server.routes import Routes
from encryptsecurert_worker.server.tls import AttestedProtocol, server_context
from encryptsecurert_worker.tasks.protect import ProtectTask
from encryptsecurert_worker.tasks.segment import SegmentTask
from encryptsecurert_worker.tasks.task import TaskRegistry
from encryptsecurert_worker.vault.claim import StateClaim
from encryptsecurert_worker.vault.identity import new_identity
from encryptsecurert_worker.vault.objects import ObjectStore
from encryptsecurert_worker.vault.sealing_keys import SealingKeyProvider, storage_key
from encryptsecurert_worker.vault.site import Site

_LOG = logging.getLogger(__name__)
_STOP_S = 20.0
_GRACE_S = 5  # for requests on their way; jobs are cancelled before
_START_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Where the worker listens and keeps its state; `port` 0 takes a free one."""

    host: str
    port: int
    state: Path
    threads: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.port < 2**16 or self.threads < 1:
            raise EncryptSecureRTError(ErrorCode.E_USAGE)


def utc_now() -> datetime:
    """Return the host's time; an enclave has no other."""
    return datetime.now(UTC)


def build_core(
    config: WorkerConfig,
    provider: QuoteProvider,
    sealing: SealingKeyProvider,
    clock: Callable[[], datetime] = utc_now,
) -> WorkerCore:
    """Make the keys of this start and put the parts together."""
    config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = storage_key(sealing)
    identity = new_identity(config.state, clock())
    audit_path = config.state / f"audit-{identity.start_id}"
    return WorkerCore(
        state=config.state,
        storage_key=key,
        clock=clock,
        provider=provider,
        tls=make_ratls_identity(provider),
        identity=identity,
        site=Site(),
        objects=ObjectStore(config.state / "objects", key),
        book=JobBook(),
        tasks=TaskRegistry([ProtectTask(), SegmentTask(threads=config.threads)]),
        audit=AuditChain(audit_path, identity.instance_id, identity.start_id),
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which ends the jobs before it waits for those who watch them."""

    def __init__(self, settings: uvicorn.Config, book: JobBook) -> None:
        super().__init__(settings)
        self._book = book

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the book, then all connections."""
        self._book.close()
        await super().shutdown(sockets)


class WorkerService:
    """One worker in this process; `start` returns when it answers, `stop` when it is gone."""

    def __init__(self, config: WorkerConfig, core: WorkerCore) -> None:
        self._core = core
        self._claim = StateClaim(core.state)
        self._runner = JobRunner(core)
        context = server_context(core.tls)
        provisioner = Provisioner(
            core, context, lambda: list(self._server.server_state.connections)
        )
        app = Starlette(
            routes=Routes(core, provisioner).table(),
            exception_handlers={HTTPException: unknown_route},
        )
        app.router.redirect_slashes = False  # a path is a route or it is not
        settings = uvicorn.Config(
            app,
            http=AttestedProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=LIMITS.idle_s,
            timeout_graceful_shutdown=_GRACE_S,
            limit_concurrency=LIMITS.connections,
            ssl_context_factory=lambda _config, _default: context,
        )
        self._server = _Server(settings, core.book)
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        # The protocol is named so that asyncio sets TCP_NODELAY: without it each answer waits
        # 40 ms for the client's delayed acknowledgement.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((config.host, config.port))
            self._socket.listen(LIMITS.connections)  # who reads our address may connect at once
        except OSError:
            raise EncryptSecureRTError(
                ErrorCode.E_LOCAL_FILE, "the address cannot be listened on"
            ) from None
        self._host = config.host
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the worker listens."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"https://{host}:{self._socket.getsockname()[1]}"

    @property
    def core(self) -> WorkerCore:
        """The worker's parts."""
        return self._core

    def claim(self) -> None:
        """Claim the state folder, which no other worker may use meanwhile (E_LOCAL_FILE)."""
        self._claim.acquire()

    def run(self) -> None:
        """Serve in this thread until told to stop; signals are handled by the server."""
        self.claim()
        self._core.objects.clear()
        self._runner.start()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._runner.stop(_STOP_S)
            self._claim.release()

    def start(self) -> None:
        """Serve in a thread of its own and return once the worker answers."""
        self._thread = threading.Thread(target=self.run, name="server", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise EncryptSecureRTError(ErrorCode.E_INTERNAL, "the server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop serving and wait for the end."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_S + 5)
