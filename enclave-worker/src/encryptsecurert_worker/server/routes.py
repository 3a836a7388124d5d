"""The routes of the worker. Each one asks first who is calling under the current bundle."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from encryptsecurert_protocol.bundles import BundleMessage
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.jobs import JobHeader, JobState, job_digest
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_protocol.sealing import TAG_BYTES
from encryptsecurert_protocol.signatures import Label, split_signed_message, verify
from encryptsecurert_worker import __version__
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.server.answers import decode_json, guarded, json_answer, read_body
from encryptsecurert_worker.server.provisioning import Provisioner
from encryptsecurert_worker.server.tls import PEER_CERTIFICATE
from encryptsecurert_worker.vault.objects import Upload
from encryptsecurert_worker.vault.site import Caller

_ID = re.compile(r"[0-9a-f]{32}")
_NONCE = re.compile(r"[0-9a-f]{64}")
_MAX_JSON_BYTES = 2 * LIMITS.header_bytes
_HEARTBEAT_S = 5.0
_STATEFUL_HEADERS = {"cache-control": "no-store"}


class Routes:
    """The endpoints, bound to one worker."""

    def __init__(self, core: WorkerCore, provisioner: Provisioner) -> None:
        self._core = core
        self._provisioner = provisioner

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
        )
        return [Route(path, guarded(end), methods=[method]) for path, method, end in rows]

    def _caller(self, request: Request, *, in_time: bool = True) -> Caller:
        certificate = request.scope["state"].get(PEER_CERTIFICATE)
        return self._core.site.caller(certificate, self._core.clock(), in_time=in_time)

    async def _body(self, request: Request, max_bytes: int) -> tuple[Caller, bytes]:
        """Return caller and body; the rights that count are those when the body is there."""
        self._caller(request)
        body = await read_body(request, max_bytes)
        return self._caller(request), body

    async def health(self, request: Request) -> Response:
        """Say alive, ready and which version; nothing else."""
        ready = self._core.site.current is not None
        return json_answer({"alive": True, "ready": ready, "version": __version__})

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
        """Take a bundle; the first one from anybody, later ones from a custodian."""
        self._require_custodian(request)
        body = await read_body(request, _MAX_JSON_BYTES)
        self._require_custodian(request)
        message = BundleMessage.from_json(await decode_json(body), LIMITS.header_bytes)
        return await self._provisioner.take(message)

    def _require_custodian(self, request: Request) -> None:
        if self._core.site.current is not None:
            caller = self._caller(request, in_time=False)
            self._core.site.require_right(caller, Operation.PROVISION)

    async def tasks(self, request: Request) -> Response:
        """List the tasks that are open to this user, and the limits."""
        caller = self._caller(request)
        roles = self._core.site.require().core.roles
        allowed = [
            {"name": task.name, "algorithm": task.algorithm, "parameters": dict(task.describe())}
            for task in self._core.tasks.all()
            if roles.allows(caller.entry, task.operation)
        ]
        limits = {name: getattr(LIMITS, name) for name in LIMITS.__slots__}
        return json_answer({"tasks": allowed, "limits": limits})

    async def begin_object(self, request: Request) -> Response:
        """Begin an upload, or say that the object is here."""
        caller, body = await self._body(request, _MAX_JSON_BYTES)
        roles = self._core.site.require().core.roles
        if not any(roles.allows(caller.entry, o) for o in self._core.operations().values()):
            raise EncryptSecureRTError(ErrorCode.E_FORBIDDEN)
        fields = Fields(await decode_json(body), ("header", "sealed"))
        header = fields.octets("header", LIMITS.header_bytes)
        sealed = fields.octets("sealed", 4096)
        begin = partial(self._core.objects.begin, caller.user, header, sealed)
        upload = await to_thread.run_sync(begin, self._core.identity.hpke)
        if upload.complete:
            return json_answer({"have": True})
        return json_answer({"upload": upload.upload, "next_chunk": upload.next_chunk()})

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
        digest = job_digest(octets)
        job = self._core.book.known(caller.user, header.job, digest)
        if job is None:
            self._check_new(header, caller)
            self._audit("job-submitted", caller, header.job)
            job = self._core.book.add(Job(header, digest, caller.fingerprint))
        return json_answer({"job": header.job, "state": job.state.value})

    def _check_new(self, header: JobHeader, caller: Caller) -> None:
        core = self._core.site.require().core
        header.check_time(self._core.clock())
        if header.site_key_id != core.site_key_id:
            raise EncryptSecureRTError(ErrorCode.E_SITE)
        if header.worker != self._core.identity.name or header.min_epoch > core.epoch:
            raise EncryptSecureRTError(ErrorCode.E_REPLAY, "the job is for another worker state")
        task = self._core.tasks.get(header.task)
        try:
            self._core.site.require_right(caller, task.operation)
        except EncryptSecureRTError as error:
            self._audit("job-refused", caller, header.job, error.code)
            raise
        for name in (*header.inputs, header.parameters):
            self._core.objects.require_complete(caller.user, name)

    def _audit(self, event: str, caller: Caller, job: str, code: ErrorCode | None = None) -> None:
        self._core.audit.append(
            event,
            self._core.clock(),
            user=caller.user,
            job=job,
            epoch=self._core.site.require().core.epoch,
            code="" if code is None else code.name,
        )

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
            {"job": j.header.job, "task": j.header.task, "state": j.state.value} for j in owned
        ]
        return json_answer({"jobs": rows})

    async def cancel(self, request: Request) -> Response:
        """Ask a job to end."""
        caller, job = self._job(request)
        self._core.book.cancel(job)
        self._audit("job-cancel", caller, job.header.job)
        return json_answer({"job": job.header.job, "state": job.state.value})

    async def events(self, request: Request) -> Response:
        """Stream the job's events after a number, until its end."""
        _, job = self._job(request)
        after = request.query_params.get("after", "0")
        if not re.fullmatch(r"0|[1-9][0-9]{0,8}", after, re.ASCII):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        stream = self._event_lines(request, job, int(after))
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
                for line in lines:
                    try:
                        self._caller(request)  # rights may have gone since the stream began
                    except EncryptSecureRTError:
                        return
                    yield line
                after += len(lines)
                if ended:
                    return
                try:
                    await asyncio.wait_for(wake.wait(), _HEARTBEAT_S)
                except TimeoutError:
                    yield b"\n"  # an empty line: the worker lives, nothing new
        finally:
            stop()

    async def result(self, request: Request) -> Response:
        """Send a sealed result; a range only if the caller names the file that it means."""
        caller, job = self._job(request)
        name = request.path_params["name"]
        if job.state is not JobState.DONE or name not in job.result_files:
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
        self._core.site.require_right(caller, self._core.operations()[job.header.task])
        path, digest = job.result_files[name]
        etag = f'"{digest}"'
        if request.headers.get("if-range") != etag:
            request.scope["headers"] = [
                (key, value) for key, value in request.scope["headers"] if key != b"range"
            ]
        return FileResponse(
            path, media_type="application/octet-stream", headers={"etag": etag, **_STATEFUL_HEADERS}
        )
