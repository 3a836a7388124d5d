"""PACS that lie, flood, stall or break off: application entities, bare sockets, web servers."""

import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity

from EncryptSecureRTLib.client.pacs.dimse_bounds import Meters, fetching
from EncryptSecureRTLib.client.pacs.dimse_contexts import (
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    VERIFICATION,
    to_listen,
)
from EncryptSecureRTLib.client.pacs.dimse_line import end_all
from EncryptSecureRTLib.client.pacs.quiet import quiet

TITLE = "HOSTILE"
Handler = Callable[[Any], Any]


@contextmanager
def entity(kinds: list[str] | None = None, **handlers: Handler) -> Iterator[tuple[str, str]]:
    """Run an application entity; handlers by name (`find`, `get`, `store`), kinds it stores.

    Yields the words that name it.
    """
    events: list[Any] = [
        (getattr(evt, f"EVT_C_{name.upper()}"), handler) for name, handler in handlers.items()
    ]
    ours = ApplicationEntity(TITLE)
    for model in (VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_GET):
        ours.add_supported_context(model)
    for context in to_listen():
        kind = str(context.abstract_syntax)
        if kinds is None or kind in kinds:
            syntaxes = context.transfer_syntax
            ours.add_supported_context(kind, syntaxes, scu_role=True, scp_role=True)
    with serving(ours, events) as port:
        yield ("--dimse", f"{TITLE}@127.0.0.1:{port}")


@contextmanager
def serving(
    ours: ApplicationEntity, events: Sequence[Any] = (), tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Serve an application entity on loopback, yield its port, and close all its lines."""
    meters = Meters(fetching(30))
    handlers = [*meters.handlers(), *events]
    with quiet(lambda thread, error: None):
        server = ours.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=tls
        )
        assert server is not None
        try:
            yield int(server.server_address[1])
        finally:
            ours.shutdown()
            end_all(ours)
            meters.close()


def finding(*files: Path, study: str) -> Handler:
    """Return a handler of C-FIND that answers as a PACS with these files does."""

    def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        level = event.identifier.QueryRetrieveLevel
        if level == "STUDY" and event.identifier.get("PatientID"):
            return  # no pseudonym of ours
        for number, path in enumerate(files[: 1 if level != "IMAGE" else None]):
            answer = Dataset()
            answer.QueryRetrieveLevel = level
            answer.StudyInstanceUID = study
            if level == "STUDY":
                answer.NumberOfStudyRelatedInstances = len(files)
            else:
                answer.SeriesInstanceUID, answer.Modality = "1.2.3", "CT"
            if level == "IMAGE":
                answer.SOPInstanceUID = f"1.2.3.{number}"
                answer.SOPClassUID = dcmread(path, stop_before_pixels=True).SOPClassUID
            yield 0xFF00, answer

    return find


@contextmanager
def line(talk: Callable[[socket.socket], None]) -> Iterator[tuple[str, str]]:
    """Run a bare socket; `talk` gets each connection, which is closed when it returns."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    talk(connection)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield ("--dimse", f"{TITLE}@127.0.0.1:{listening.getsockname()[1]}")
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(15)


@contextmanager
def web(
    answer: Callable[[http.server.BaseHTTPRequestHandler], None],
    tls: ssl.SSLContext | None = None,
) -> Iterator[tuple[str, str]]:
    """Run a web server that gives every request to `answer`; yields the words that name it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self)
            except OSError:
                self.close_connection = True

        do_POST = do_GET  # noqa: N815 - named by the library

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that hangs up
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield ("--dicomweb", f"{scheme}://127.0.0.1:{server.server_address[1]}/dicom-web")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(
    request: http.server.BaseHTTPRequestHandler, status: int, kind: str, body: bytes, **more: str
) -> None:
    """Answer a web request."""
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    for name, value in more.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)
