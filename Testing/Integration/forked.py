"""A worker in a process that is forked from one that has imported everything: quick to kill.

The fork happens before any thread or key is made; the worker itself is the production service.
`break_at` ends the process from within at one storage operation, so that every step of a job can
be the last.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from encryptsecurert_worker.server.building import build_core
from encryptsecurert_worker.server.config import WorkerConfig
from encryptsecurert_worker.server.providers import simulated_parts
from encryptsecurert_worker.server.service import WorkerService

_OPERATIONS = ("write", "pwrite", "fsync", "replace", "unlink")
_READY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """At which storage operation after `arm` the process ends, and whether half of it happens."""

    at: int
    half: bool = False


class _Breaker:
    """Counts storage operations and ends the process at one of them."""

    def __init__(self, plan: Break) -> None:
        self._plan = plan
        self._count = 0
        self._lock = threading.Lock()
        for name in _OPERATIONS:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            with self._lock:
                self._count += 1
                last = self._count == self._plan.at
            if last:
                if self._plan.half and name in {"write", "pwrite"}:
                    real(args[0], args[1][: len(args[1]) // 2], *args[2:])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **options)

        return counted


def _serve(state: Path, port: int, plan: Break | None, pipe: Connection) -> None:
    provider, sealing = simulated_parts(state)
    config = WorkerConfig(host="127.0.0.1", port=port, state=state)
    service = WorkerService(config, build_core(config, provider, sealing))
    service.start()
    pipe.send(service.url)
    if plan is not None:
        _Breaker(plan)
    with contextlib.suppress(EOFError):
        pipe.recv()  # until the parent lets go
    service.stop()


class ForkedWorker:
    """Starts, kills and stops a worker on one state folder at one address."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__, "scipy.ndimage", "highdicom", "pydicom"])
        self._process: Any = None
        self._pipe: Connection | None = None

    def start(self, plan: Break | None = None) -> None:
        """Return when the worker answers."""
        self._pipe, theirs = self._context.Pipe()
        arguments = (self.state, self.port, plan, theirs)
        self._process = self._context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(_READY_S):
            raise RuntimeError("the worker did not start")
        self._pipe.recv()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    def wait_dead(self, timeout_s: float) -> bool:
        """Wait for the process's end; tell whether it came."""
        self._process.join(timeout_s)
        return not self._process.is_alive()

    def kill(self) -> None:
        """Kill the process, as the system does when memory or power ends."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._close()

    def stop(self) -> None:
        """Stop the worker as a service manager does."""
        self._close()
        if self._process is not None:
            self._process.join(60)

    def _close(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
