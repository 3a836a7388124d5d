"""The routes of the worker. Each one asks first who is calling under the current bundle.

What reads or writes the state folder runs beside the event loop.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.bundles import BundleCore, BundleMessage
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import MAX_INTEGER, Fields, time_text
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.reveals import RevealClass, classes_of
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_protocol.sealing import TAG_BYTES
from encryptsecurert_protocol.signatures import Label, split_signed_message, verify
from encryptsecurert_worker import __version__
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.jobs.admission import Admission
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.server.answers import decode_json, guarded, json_answer, read_body
from encryptsecurert_worker.server.metrics import Metrics
from encryptsecurert_worker.server.provisioning import Provisioner
from encryptsecurert_worker.server.tls import PEER_CERTIFICATE
from encryptsecurert_worker.vault.access import open_cases
from encryptsecurert_worker.vault.site import Caller
from encryptsecurert_worker.vault.uploads import Upload

_ID = re.compile(r"[0-9a-f]{32}")
_NONCE = re.compile(r"[0-9a-f]{64}")
_MAX_JSON_BYTES = 2 * LIMITS.header_bytes
_HEARTBEAT_S = 5.0
_READING_S = 60.0
_STATEFUL_HEADERS = {"cache-control": "no-store"}


class Routes:
    """The endpoints, bound to one worker."""

    def __init__(self, core: WorkerCore, provisioner: Provisioner, metrics: Metrics) -> None:
        self._core = core
        self._provisioner = provisioner
        self._metrics = metrics
        self._admission = Admission(core)
        self._audit_read_s: dict[str, float] = {}

    def table(self) -> list[Route]:
        """Return the route table of the protocol."""
        rows = (
            ("/v1/health", "GET", self.health),
            ("/v1/evidence", "GET", self.evidence),
            ("/v1/provision", "POST", self.provision),
            ("/v1/tasks", "GET", self.tasks),
            ("/v1/objects", "POST", self.begin_object),
            ("/v1/objects/{upload}", "GET", self.object_state),
            ("/v1/objects/{upload}/{index}", "PUT", self.put_chunk),
            ("/v1/jobs", "POST", self.submit),
            ("/v1/jobs", "GET", self.jobs),
            ("/v1/jobs/{job}", "DELETE", self.cancel),
            ("/v1/jobs/{job}/events", "GET", self.events),
            ("/v1/results/{job}/{name}", "GET", self.result),
            ("/v1/audit", "GET", self.audit),
        )
        return [
            Route(path, guarded(path, end, self._metrics), methods=[method])
            for path, method, end in rows
        ]

    def _caller(self, request: Request, *, in_time: bool = True) -> Caller:
        now = self._core.time.now()
        return self._core.site.caller(_certificate(request), now, in_time=in_time)

    async def _body(self, request: Request, max_bytes: int) -> tuple[Caller, bytes]:
        """Return caller and body; the rights that count are those when the body is there."""
        self._caller(request)
        body = await read_body(request, max_bytes)
        return self._caller(request), body

    async def health(self, request: Request) -> Response:
        """Say alive, ready and which version; nothing else."""
        return json_answer({"alive": True, "ready": self._core.ready, "version": __version__})

    async def evidence(self, request: Request) -> Response:
        """Answer a nonce with fresh evidence."""
        nonces = request.query_params.getlist("nonce")
        if len(nonces) != 1 or not _NONCE.fullmatch(nonces[0]):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if self._core.site.current is not None:
            self._caller(request, in_time=False)
        answer = await to_thread.run_sync(self._core.evidence, bytes.fromhex(nonces[0]))
        return Response(answer.encode(), media_type="application/json", headers=_STATEFUL_HEADERS)

    async def provision(self, request: Request) -> Response:
        """Take a bundle or a lease; the first bundle from anybody, all else from a custodian."""
        self._require_custodian(request)
        body = await read_body(request, _MAX_JSON_BYTES)
        self._require_custodian(request)
        value = await decode_json(body)
        if set(value) == {"header", "signature"}:
            return await self._provisioner.take_lease(value)
        return await self._provisioner.take(BundleMessage.from_json(value, LIMITS.header_bytes))

    def _require_custodian(self, request: Request) -> None:
        if self._core.site.current is not None:
            caller = self._caller(request, in_time=False)
            self._core.site.require_right(caller, Operation.PROVISION)

    async def tasks(self, request: Request) -> Response:
        """Say what is open to this user, within which limits, and how much of them is used."""
        caller = self._caller(request)
        core = self._core
        provisioned = core.site.require()
        allowed = [
            {"name": task.name, "algorithm": task.algorithm, "parameters": dict(task.describe())}
            for task in core.tasks.all()
            if provisioned.core.roles.allows(caller.entry, task.operation)
        ]
        limits = {name: getattr(LIMITS, name) for name in LIMITS.__slots__}
        used = await to_thread.run_sync(self._used, provisioned.core, caller.user)
        models = [dict(model) for model in core.tasks.models()]
        may_reveal = provisioned.core.roles.allows(caller.entry, Operation.REVEAL)
        classes = classes_of(caller.entry.roles) if may_reveal else frozenset[RevealClass]()
        return json_answer(
            {
                "tasks": allowed,
                "models": models,
                "classes": sorted(one.value for one in classes),
                "limits": limits,
                "memory_bytes": core.memory_bytes,
                **used,
            }
        )

    def _used(self, bundle: BundleCore, user: str) -> dict[str, Any]:
        core = self._core
        return {
            "cases": open_cases(bundle, core.quotas, user, core.time.now()),
            "held_bytes": core.held_bytes(user),
            "patients_today": core.quotas.patients_today(user),
        }

    async def begin_object(self, request: Request) -> Response:
        """Begin an upload, or say that the object is here."""
        caller, body = await self._body(request, _MAX_JSON_BYTES)
        roles = self._core.site.require().core.roles
        if not any(roles.allows(caller.entry, o) for o in self._core.tasks.operations.values()):
            raise EncryptSecureRTError(ErrorCode.E_FORBIDDEN)
        fields = Fields(await decode_json(body), ("header", "sealed"))
        header = fields.octets("header", LIMITS.header_bytes)
        sealed = fields.octets("sealed", 4096)
        upload = await to_thread.run_sync(self._begin, caller.user, header, sealed)
        if upload.complete:
            return json_answer({"have": True})
        return json_answer({"upload": upload.upload, "next_chunk": upload.next_chunk()})

    def _begin(self, user: str, header: bytes, sealed: bytes) -> Upload:
        key_of, other_bytes = self._core.identity.ring.key_of, self._core.book.result_bytes(user)
        return self._core.objects.begin(user, header, sealed, key_of, other_bytes=other_bytes)

    def _upload(self, request: Request) -> Upload:
        upload_id = request.path_params["upload"]
        if not _ID.fullmatch(upload_id):
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
        return self._core.objects.upload(self._caller(request).user, upload_id)

    async def object_state(self, request: Request) -> Response:
        """List the chunks of an upload that are here."""
        upload = self._upload(request)
        return json_answer({"chunks": sorted(upload.digests), "complete": upload.complete})

    async def put_chunk(self, request: Request) -> Response:
        """Take one sealed chunk."""
        upload = self._upload(request)
        index = request.path_params["index"]
        if not re.fullmatch(r"0|[1-9][0-9]{0,4}", index, re.ASCII):
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        _, sealed = await self._body(request, LIMITS.chunk_bytes + TAG_BYTES)
        await to_thread.run_sync(self._core.objects.put, upload, int(index), sealed)
        return Response(status_code=204)

    async def submit(self, request: Request) -> Response:
        """Accept a signed job header. The repeat check comes before time and role."""
        caller, body = await self._body(request, _MAX_JSON_BYTES)
        octets, signature = split_signed_message(await decode_json(body), LIMITS.header_bytes)
        header = JobHeader.decode(octets)
        if header.certificate != caller.fingerprint or header.user != caller.user:
            raise EncryptSecureRTError(ErrorCode.E_USER_CERTIFICATE)
        verify(caller.spki, Label.JOB, octets, signature, ErrorCode.E_USER_CERTIFICATE)
        job = await to_thread.run_sync(self._admission.admit, header, octets, caller)
        return json_answer({"job": header.job, "state": job.state.value})

    def _job(self, request: Request) -> tuple[Caller, Job]:
        caller = self._caller(request)
        job_id = request.path_params["job"]
        if not _ID.fullmatch(job_id):
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
        return caller, self._core.book.get(caller.user, job_id)

    async def jobs(self, request: Request) -> Response:
        """List the caller's jobs."""
        owned = self._core.book.of(self._caller(request).user)
        rows: list[dict[str, Any]] = [
            {
                "job": job.header.job,
                "task": job.header.task,
                "state": job.state.value,
                "place": place,
                "created": time_text(job.header.created),
                "error": job.error,
            }
            for job, place in owned
        ]
        return json_answer({"jobs": rows})

    async def cancel(self, request: Request) -> Response:
        """Ask a job to end."""
        _, job = self._job(request)
        await to_thread.run_sync(self._core.book.cancel, job)
        return json_answer({"job": job.header.job, "state": job.state.value})

    async def events(self, request: Request) -> Response:
        """Stream the job's events after a number, until its end."""
        _, job = self._job(request)
        after = _number(request.query_params.get("after", "0"))
        stream = self._event_lines(request, job, after)
        return StreamingResponse(
            stream, media_type="application/x-ndjson", headers=_STATEFUL_HEADERS
        )

    async def _event_lines(self, request: Request, job: Job, after: int) -> AsyncIterator[bytes]:
        wake = asyncio.Event()
        stop = job.watch(asyncio.get_running_loop(), wake)
        try:
            while True:
                wake.clear()
                lines, ended = job.events_after(after)
                for number, line in lines:
                    if not self._still_welcome(request):
                        return
                    yield line
                    after = number
                if ended or self._core.book.closed:  # closed: whoever follows comes again
                    return
                try:
                    await asyncio.wait_for(wake.wait(), _HEARTBEAT_S)
                except TimeoutError:
                    if not self._still_welcome(request):
                        return
                    yield b"\n"  # an empty line: the worker lives, nothing new
        finally:
            stop()

    def _still_welcome(self, request: Request) -> bool:
        """Tell whether rights have not gone since a stream began."""
        return self._core.site.knows(_certificate(request), self._core.time.now())

    async def result(self, request: Request) -> Response:
        """Send a sealed result; a range only if the caller names the file that it means."""
        caller, job = self._job(request)
        name = request.path_params["name"]
        self._core.site.require_right(caller, self._core.tasks.get(job.header.task).operation)
        path, digest = await to_thread.run_sync(self._core.book.result, job, name)
        etag = f'"{digest}"'
        if request.headers.get("if-range") != etag:
            request.scope["headers"] = [
                (key, value) for key, value in request.scope["headers"] if key != b"range"
            ]
        if name not in job.told:  # once a start and result, however many ranges are asked for
            await to_thread.run_sync(self._note_fetch, caller, job, name)
        return FileResponse(
            path, media_type="application/octet-stream", headers={"etag": etag, **_STATEFUL_HEADERS}
        )

    def _note_fetch(self, caller: Caller, job: Job, name: str) -> None:
        self._core.audit.append(
            AuditEvent.RESULT_FETCHED,
            user=caller.user,
            job=job.header.job,
            epoch=self._core.epoch,
            digest=job.digest_hex,
            durable=False,
        )
        job.told |= {name}

    async def audit(self, request: Request) -> Response:
        """Send sealed audit lines to an auditor."""
        caller = self._caller(request)
        self._core.site.require_right(caller, Operation.AUDIT)
        after = _number(request.query_params.get("after", "0"))
        page = await to_thread.run_sync(self._audit_page, caller, after)
        return Response(page, media_type="application/json", headers=_STATEFUL_HEADERS)

    def _audit_page(self, caller: Caller, after: int) -> bytes:
        # Told of once for all pages of a reading, or the log would never come to its end.
        now_s = self._core.time.monotonic_s()
        if now_s - self._audit_read_s.get(caller.user, -_READING_S) >= _READING_S:
            self._audit_read_s[caller.user] = now_s
            self._core.audit.append(
                AuditEvent.AUDIT_READ, user=caller.user, epoch=self._core.epoch, durable=False
            )
        return self._core.audit.page(after).encode()


def _certificate(request: Request) -> bytes | None:
    certificate: bytes | None = request.scope["state"].get(PEER_CERTIFICATE)
    return certificate


def _number(text: str) -> int:
    """Return a number without leading zeros, or refuse with E_FORMAT."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text, re.ASCII) or int(text) > MAX_INTEGER:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    return int(text)
