"""What a monitoring system may read: counts, times and sizes; no label tells of a user or a job.

Every label comes from a closed set: a route's own path, a code, a task's name, an end, a reason.
They are served on loopback only, and only where a port is configured.
"""

import io
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from socketserver import TCPServer
from typing import Any, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobState

LOOPBACK = "127.0.0.1"
_PREFIX = "encryptsecurert"
_OTHER = "other"
_PATIENCE_S = 5
_JOB_SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_ROUTE = re.compile(r"/v1(/([a-z]{1,16}|\{[a-z]{1,16}\}))+")
_TASK = re.compile(r"[a-z][a-z_-]{0,31}")
_ENDS = {state.value for state in JobState if state.ended}


class Observed(Protocol):
    """What is read of the worker at the moment of a scrape; the sentences are the help texts."""

    @property
    def jobs_queued(self) -> int:
        """Jobs that wait."""

    @property
    def uploads_open(self) -> int:
        """Uploads on their way."""

    @property
    def held_bytes(self) -> int:
        """Octets of objects and results."""

    @property
    def journal_bytes(self) -> int:
        """Octets of the journal file."""

    @property
    def audit_lines(self) -> int:
        """Lines of the audit chain."""

    @property
    def epoch(self) -> int:
        """Epoch of the bundle; 0 without one."""

    @property
    def lease_seconds_left(self) -> float:
        """Seconds until the lease ends; +Inf where none is asked for."""

    @property
    def ready(self) -> bool:
        """Whether jobs are taken."""


_GAUGES = (
    "jobs_queued",
    "uploads_open",
    "held_bytes",
    "journal_bytes",
    "audit_lines",
    "epoch",
    "lease_seconds_left",
    "ready",
)
_NAMES = {"epoch": "bundle_epoch"}


class _Gauges(Collector):
    def __init__(self, observed: Observed) -> None:
        self._observed = observed

    def collect(self) -> Iterator[Metric]:
        """Read the worker now."""
        for name in _GAUGES:
            value = float(getattr(self._observed, name))
            text = getattr(Observed, name).__doc__
            yield GaugeMetricFamily(f"{_PREFIX}_{_NAMES.get(name, name)}", text, value=value)


class Metrics:
    """The worker's measurements, and their server if one is asked for."""

    def __init__(self, observed: Observed) -> None:
        registry = CollectorRegistry()
        self.registry = registry

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"{_PREFIX}_{name}", text, labels, registry=registry)

        self._jobs = counter("jobs_total", "Jobs that ended.", "task", "end")
        self._requests = counter("requests_total", "Answers.", "route", "code")
        self._refusals = counter("refusals_total", "Answers that refuse.", "code")
        self._refused = counter(
            "connections_refused_total", "Connections refused or cut.", "reason"
        )
        self._break_glass = counter("break_glass_total", "Break-glass grants.")
        self._open = Gauge(f"{_PREFIX}_connections_open", "Connections open.", registry=registry)
        self._seconds = Histogram(
            f"{_PREFIX}_job_seconds",
            "Seconds from a job's start to its end.",
            ("task",),
            buckets=_JOB_SECONDS,
            registry=registry,
        )
        registry.register(_Gauges(observed))
        ProcessCollector(registry=registry)  # memory, processor time, files; nothing without /proc
        self._server: _Server | None = None

    def request(self, route: str, code: str) -> None:
        """Count an answer: `route` as in the table of routes, `code` "ok" or an error's name."""
        refused = code in ErrorCode.__members__
        shown = code if refused or code == "ok" else _OTHER
        self._requests.labels(route if _ROUTE.fullmatch(route) else _OTHER, shown).inc()
        if refused:
            self._refusals.labels(code).inc()

    def job_ended(self, task: str, end: str, seconds: float) -> None:
        """Count a job that ran."""
        name = task if _TASK.fullmatch(task) else _OTHER
        self._jobs.labels(name, end if end in _ENDS else _OTHER).inc()
        self._seconds.labels(name).observe(seconds)

    def connection_opened(self) -> None:
        """Count a connection in."""
        self._open.inc()

    def connection_closed(self) -> None:
        """Count a connection out."""
        self._open.dec()

    def refused_connection(self, reason: str) -> None:
        """Count a connection that was refused or cut."""
        self._refused.labels(reason if _TASK.fullmatch(reason) else _OTHER).inc()

    def break_glass(self) -> None:
        """Count a break-glass grant."""
        self._break_glass.inc()

    def serve(self, port: int) -> None:
        """Serve the measurements on a port of loopback until `close`; 0 takes a free one."""
        try:
            self._server = _Server(port, self.registry)
        except OSError:
            raise EncryptSecureRTError(
                ErrorCode.E_LOCAL_FILE, "the metrics port cannot be listened on"
            ) from None
        self._server.start()

    @property
    def url(self) -> str | None:
        """Where the measurements are, None if they are not served."""
        if self._server is None:
            return None
        return f"http://{LOOPBACK}:{self._server.server_port}/metrics"

    def close(self) -> None:
        """Stop serving; no thread and no socket is left."""
        if self._server is not None:
            self._server.stop()
            self._server = None


class _Handler(WSGIRequestHandler):
    """Silent, and no longer patient than a scrape needs."""

    timeout = _PATIENCE_S

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a request line is a stranger's text."""

    def get_stderr(self) -> io.StringIO:
        """Keep the library's tracebacks out of the log."""
        return io.StringIO()


class _Server(WSGIServer):
    """One thread, one scrape at a time."""

    def __init__(self, port: int, registry: CollectorRegistry) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.set_app(make_wsgi_app(registry, disable_compression=True))
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="metrics")
        self._stopping = False
        self._talking: socket.socket | None = None

    def server_bind(self) -> None:
        """Bind without asking anybody for the name of our address, as the library would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]
        self.setup_environ()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Take no more requests once we stop."""
        self._talking = request
        return not self._stopping

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a scrape that broke off."""

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, also in the midst of a slow scrape."""
        self._stopping = True
        if self._talking is not None:
            with suppress(OSError):
                self._talking.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self._thread.join()
        self.server_close()
