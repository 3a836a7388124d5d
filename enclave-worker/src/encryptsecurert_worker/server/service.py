"""The running worker: server, job thread and housekeeping, started and stopped together."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from functools import partial

import uvicorn
from anyio.to_thread import current_default_thread_limiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.jobs.book import JobBook
from encryptsecurert_worker.jobs.runner import JobRunner
from encryptsecurert_worker.server.answers import unknown_route
from encryptsecurert_worker.server.config import WorkerConfig
from encryptsecurert_worker.server.listener import Listener
from encryptsecurert_worker.server.metrics import Metrics
from encryptsecurert_worker.server.observed import Observation
from encryptsecurert_worker.server.process import give_back_memory
from encryptsecurert_worker.server.provisioning import Provisioner
from encryptsecurert_worker.server.routes import Routes
from encryptsecurert_worker.server.tls import AttestedProtocol, server_context
from encryptsecurert_worker.vault.housekeeping import Housekeeper

_LOG = logging.getLogger(__name__)
_ANSWERS_S = 3  # for requests on their way; event streams end at once
_START_S = 30.0
_THREADS = 8
_BACKSTOP = 32  # connections beyond our own limits: uvicorn's limit is never the first


class _Server(uvicorn.Server):
    """uvicorn's server, which takes no more jobs before it waits for those who watch them."""

    def __init__(self, settings: uvicorn.Config, book: JobBook) -> None:
        super().__init__(settings)
        self._book = book

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bound the threads beside the event loop, which an enclave has few of, and listen."""
        current_default_thread_limiter().total_tokens = _THREADS
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the book, which ends the event streams, then all connections."""
        self._book.close()
        await super().shutdown(sockets)


class WorkerService:
    """One worker in this process; `start` returns when it answers, `stop` when it is gone."""

    def __init__(self, config: WorkerConfig, core: WorkerCore) -> None:
        self._core = core
        self._config = config
        self.metrics = Metrics(Observation(core))
        self._runner = JobRunner(core, self._job_ended, self.metrics.break_glass)
        self._housekeeper = Housekeeper(core)
        context = server_context(core.tls)
        provisioner = Provisioner(
            core, context, lambda: list(self._server.server_state.connections)
        )
        app = Starlette(
            routes=Routes(core, provisioner, self.metrics).table(),
            exception_handlers={HTTPException: unknown_route},
        )
        app.router.redirect_slashes = False  # a path is a route or it is not
        settings = uvicorn.Config(
            app,
            http=AttestedProtocol.bound_to(core.site, core.time.now, self.metrics),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,  # nobody stands between the client and the enclave
            timeout_keep_alive=LIMITS.idle_s,
            timeout_graceful_shutdown=_ANSWERS_S,
            limit_concurrency=LIMITS.connections + LIMITS.connections_kept + _BACKSTOP,
            ssl_context_factory=lambda _config, _default: context,
        )
        self._server = _Server(settings, core.book)
        no_tls = partial(self.metrics.refused_connection, "no-tls")
        self._socket = Listener(config.host, config.port, self._with_tls, no_tls)
        self._thread: threading.Thread | None = None

    def _with_tls(self) -> set[int]:
        """Return the descriptors of the connections that are through their handshake."""
        connections = self._server.server_state.connections
        sockets = [c.transport.get_extra_info("socket") for c in connections]
        return {known.fileno() for known in sockets if known is not None}

    def _job_ended(self, task: str, end: str, seconds: float) -> None:
        self.metrics.job_ended(task, end, seconds)
        give_back_memory()

    @property
    def url(self) -> str:
        """Where the worker listens."""
        host = self._config.host
        shown = f"[{host}]" if ":" in host else host
        return f"https://{shown}:{self._socket.getsockname()[1]}"

    @property
    def core(self) -> WorkerCore:
        """The worker's parts."""
        return self._core

    def run(self, announce: Callable[[], None] = lambda: None) -> None:
        """Serve in this thread until told to stop; signals are handled by the server.

        `announce` is called once all parts run and connections are queued, if not yet answered.
        """
        try:
            self._begin()
            announce()
            self._server.run(sockets=[self._socket])
        finally:
            self._end()

    def _begin(self) -> None:
        if self._config.metrics_port is not None:
            self.metrics.serve(self._config.metrics_port)
        self._housekeeper.start()
        self._runner.start()

    def _end(self) -> None:
        """Finish or requeue the running job, and leave everything on the disk."""
        self._runner.stop(max(0.0, self._config.stop_s - _ANSWERS_S))
        self._housekeeper.stop()
        try:
            if self._core.site.current is not None:
                self._core.audit.append(AuditEvent.STOPPED, epoch=self._core.epoch)
                self._core.audit.flush()
        except EncryptSecureRTError as error:  # a full disk keeps nobody from stopping
            _LOG.error("stop-not-noted", extra={"code": error.code.name})
        self.metrics.close()
        self.close()

    def close(self) -> None:
        """Let go of address and state folder; also for a service that never ran."""
        self._socket.close()
        self._core.close()

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
            self._thread.join(self._config.stop_s + 5)
