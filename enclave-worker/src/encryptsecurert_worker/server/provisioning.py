"""Taking bundles and leases.

From the first bundle on new connections need a user certificate, and old ones go.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from anyio import to_thread
from starlette.background import BackgroundTask
from starlette.responses import Response

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.bundles import BundleMessage
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.server.answers import error_answer, json_answer
from encryptsecurert_worker.server.tls import PEER_CERTIFICATE, require_client_certificates
from encryptsecurert_worker.vault.site import Provisioned

_LOG = logging.getLogger(__name__)
_ANSWER_LEAVES_S = 0.2


class Provisioner:
    """Switches site, TLS context and connections in that order."""

    def __init__(
        self,
        core: WorkerCore,
        context: ssl.SSLContext,
        connections: Callable[[], Iterable[Any]],
    ) -> None:
        self._core = core
        self._context = context
        self._connections = connections
        self._one_at_a_time = asyncio.Lock()
        held = core.site.current
        self._kept_digest = None if held is None else held.digest
        if held is not None:
            require_client_certificates(context, held.core.user_ca)

    async def take(self, message: BundleMessage) -> Response:
        """Take a bundle and answer with its name; the same bundle again changes nothing.

        Whatever follows from a bundle happens each time it is brought, and before anything that
        can fail: a full disk must not keep a revoked user's job running.
        """
        async with self._one_at_a_time:  # the journal must not end with the older of two
            return await self._take(message)

    async def _take(self, message: BundleMessage) -> Response:
        core = self._core
        core.site.provision(message, core.identity.ring.keys, core.time.now())
        provisioned = core.site.require()
        if self._kept_digest != provisioned.digest:
            require_client_certificates(self._context, provisioned.core.user_ca)
        response: Response
        name = provisioned.name
        try:
            await to_thread.run_sync(core.book.withdraw, core.refusal_of)
            if self._kept_digest != provisioned.digest:
                await to_thread.run_sync(self._keep, provisioned)
            response = json_answer(
                {"site_key_id": name.site_key_id, "epoch": name.epoch, "digest": name.digest}
            )
        except EncryptSecureRTError as error:
            response = error_answer(error)
        core.book.wake()
        response.background = BackgroundTask(self._close_connections, provisioned.digest)
        return response

    def _keep(self, provisioned: Provisioned) -> None:
        """Write the bundle down, with the audit lines that tell of it."""
        audit, name = self._core.audit, provisioned.name
        first = audit.n == 0
        audit.seal_to(provisioned.core.auditor_key)
        if first:
            audit.append(AuditEvent.STARTED, epoch=name.epoch, digest=name.digest, durable=False)
        facts = (provisioned.fact, self._core.time.signed(provisioned.core.issued_at))
        audit.append(AuditEvent.PROVISIONED, changes=facts, epoch=name.epoch, digest=name.digest)
        self._kept_digest = provisioned.digest
        _LOG.info("provisioned", extra={"epoch": name.epoch})

    async def take_lease(self, message: object) -> Response:
        """Take a lease and answer with what it allows."""
        async with self._one_at_a_time:
            lease, fact = self._core.leases.take(message)
            append = partial(
                self._core.audit.append, AuditEvent.LEASED, changes=(fact,), epoch=lease.epoch
            )
            await to_thread.run_sync(append)
        self._core.book.wake()
        _LOG.info("leased", extra={"epoch": lease.epoch})
        return json_answer(
            {
                "start_id": lease.start_id,
                "epoch": lease.epoch,
                "not_after": time_text(lease.not_after),
            }
        )

    async def _close_connections(self, digest: str) -> None:
        # Those that fail the new bundle go after this answer: made without a certificate, or by a
        # user who is out. All others stay, with the events of running jobs on them.
        await asyncio.sleep(_ANSWER_LEAVES_S)
        if self._core.site.require().digest != digest:
            return  # the next bundle is here, and its own answer has to leave first
        for connection in list(self._connections()):
            certificate = connection.app_state[PEER_CERTIFICATE]
            if not self._core.site.knows(certificate, self._core.time.now()):
                connection.transport.abort()
