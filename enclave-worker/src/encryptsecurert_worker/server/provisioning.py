"""Taking a bundle: from then on new connections need a user certificate, and old ones go."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response

from encryptsecurert_protocol.bundles import BundleMessage
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.server.answers import json_answer
from encryptsecurert_worker.server.tls import require_client_certificates

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
        """Take a bundle and answer with its name; the same bundle again changes nothing."""
        core = self._core
        changed = core.site.provision(message, core.identity.hpke, core.clock())
        provisioned = core.site.require()
        if changed:
            require_client_certificates(self._context, provisioned.core.user_ca)
            core.audit.seal_to(provisioned.core.auditor_key)
            core.audit.append("provisioned", core.clock(), epoch=provisioned.core.epoch)
            _LOG.info("provisioned", extra={"epoch": provisioned.core.epoch})
        name = provisioned.name
        answer = {"site_key_id": name.site_key_id, "epoch": name.epoch, "digest": name.digest}
        response = json_answer(answer)
        if changed:
            response.background = BackgroundTask(self._close_connections)
        return response

    async def _close_connections(self) -> None:
        # Kept-alive connections were made without a certificate: after this answer they go.
        await asyncio.sleep(_ANSWER_LEAVES_S)
        for connection in list(self._connections()):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.close()
