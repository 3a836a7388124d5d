"""Taking a bundle: from then on new connections need a user certificate, and old ones go."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response

from encryptsecurert_protocol.bundles import BundleMessage
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.server.answers import error_answer, json_answer
from encryptsecurert_worker.server.tls import PEER_CERTIFICATE, require_client_certificates

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

    async def take(self, message: BundleMessage) -> Response:
        """Take a bundle and answer with its name; the same bundle again changes nothing.

        Whatever follows from a bundle happens each time it is brought, and before anything that
        can fail: a full disk must not keep a revoked user's job running.
        """
        core = self._core
        changed = core.site.provision(message, core.identity.hpke, core.clock())
        provisioned = core.site.require()
        if changed:
            require_client_certificates(self._context, provisioned.core.user_ca)
            core.audit.seal_to(provisioned.core.auditor_key)
        core.book.cancel_where(self._withdrawn)
        name = provisioned.name
        answer = {"site_key_id": name.site_key_id, "epoch": name.epoch, "digest": name.digest}
        try:
            if changed:
                core.audit.append("provisioned", core.clock(), epoch=name.epoch)
                _LOG.info("provisioned", extra={"epoch": name.epoch})
            response = json_answer(answer)
        except EncryptSecureRTError as error:
            response = error_answer(error)
        response.background = BackgroundTask(self._close_connections)
        return response

    def _withdrawn(self, job: Job) -> bool:
        operation = self._core.operations()[job.header.task]
        return not self._core.site.still_allows(job.fingerprint, operation)

    async def _close_connections(self) -> None:
        # Those that fail the new bundle go after this answer: made without a certificate, or by a
        # user who is out. All others stay, with the events of running jobs on them.
        await asyncio.sleep(_ANSWER_LEAVES_S)
        for connection in list(self._connections()):
            if not self._is_welcome(connection):
                connection.transport.abort()

    def _is_welcome(self, connection: Any) -> bool:
        try:
            self._core.site.caller(connection.app_state[PEER_CERTIFICATE], self._core.clock())
        except EncryptSecureRTError:
            return False
        return True
