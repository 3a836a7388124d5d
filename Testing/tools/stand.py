"""A whole stand in one process: a SIMULATED worker, a site, and enrolled users.

Use it so:

    with Stand(folder) as stand:
        home = stand.user(Role.PHYSICIST)
        stand.provision()
        with open_channel(home, stand.url) as channel: ...
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from encryptsecurert_protocol.bundles import CaseGrant
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.statement import BundleName
from encryptsecurert_worker.evidence.provider import QuoteProvider
from encryptsecurert_worker.evidence.release import release
from encryptsecurert_worker.server.building import build_core
from encryptsecurert_worker.server.config import WorkerConfig
from encryptsecurert_worker.server.providers import simulated_parts
from encryptsecurert_worker.server.service import WorkerService
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.changes import with_grant
from EncryptSecureRTLib.custodian.provision import provision
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import Site, init_site

PASSPHRASE = b"a passphrase for tests only"
_CONNECTIONS_CLOSE_S = 0.4


def release_octets(provider: QuoteProvider) -> bytes:
    """Return release.json of a worker."""
    facts = {
        "schema": "encryptsecurert.release/1",
        "version": "0.1.0",
        "platforms": None,
        **release(provider),
    }
    return json.dumps(facts).encode()


class Stand:
    """Worker, site and users below one folder; the worker serves while the context is open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "worker"
        self.provider, self._sealing = simulated_parts(self.state)
        self._running: WorkerService | None = None
        self._port = 0
        self.site: Site = init_site(folder / "site", PASSPHRASE)
        self.set_policy()
        self._users = 0

    def _config(self) -> WorkerConfig:
        return WorkerConfig(host="127.0.0.1", port=self._port, state=self.state)

    def _service(self) -> WorkerService:
        config = self._config()
        return WorkerService(config, build_core(config, self.provider, self._sealing))

    @property
    def service(self) -> WorkerService:
        """The worker that serves now."""
        if self._running is None:
            raise RuntimeError("the worker is not running")
        return self._running

    @property
    def url(self) -> str:
        """Where the worker listens, also after a restart."""
        return self.service.url if self._running else f"https://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the worker on the state folder, at the address that it had before."""
        self._running = self._service()
        self._running.start()
        self._port = urlsplit(self._running.url).port or 0

    def stop(self) -> None:
        """Stop the worker as SIGTERM does."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def set_policy(self) -> None:
        """Let the site's policy accept this worker."""
        octets = release_octets(self.provider)
        self.site.set_policy(Release.decode(octets), self.provider.collateral(), True)

    def user(self, *roles: Role) -> ClientHome:
        """Enroll a user with these roles; the worker knows them after the next `provision`."""
        self._users += 1
        home = ClientHome(self.folder / f"home-{self._users}")
        request = home.enroll()
        welcome = self.folder / f"welcome-{self._users}"
        self.site.add_user(request.read_bytes(), list(roles), out=welcome)
        home.accept(welcome)
        return home

    def users(self, roles: Sequence[Role]) -> list[ClientHome]:
        """Enroll one user for each role."""
        return [self.user(role) for role in roles]

    def open_case(self, pseudonym: str, *homes: ClientHome) -> None:
        """Grant a case to users for a day, and let the worker know."""
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        for home in homes:
            self._grant(CaseGrant(pseudonym=pseudonym, user=home.user().user, until=until))
        self.provision()

    def _grant(self, grant: CaseGrant) -> None:
        self.site.change(lambda state, at: with_grant(state, grant, at))

    def provision(self) -> BundleName:
        """Give the worker the site's present bundle; its old connections are gone afterwards."""
        with open_channel(self.site.home, self.url, allow_unprovisioned=True) as channel:
            name = provision(self.site, channel)
        time.sleep(_CONNECTIONS_CLOSE_S)
        return name

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class ProcessStand(Stand):
    """The same with `encryptsecurert-worker serve` as a process, for what is measured or killed."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where the worker listens, also after a restart."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def worker_pid(self) -> int:
        """Process id of the worker."""
        if self._process is None:
            raise RuntimeError("the worker is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the process on the state folder, at the address that it had before."""
        command = [sys.executable, "-m", "encryptsecurert_worker", "serve", *self._options]
        options = ["--provider", "simulated", "--port", str(self._port), "--state", str(self.state)]
        with (self.folder / "worker.log").open("a") as log:
            self._process = subprocess.Popen(
                [*command, *options], stdout=subprocess.PIPE, stderr=log, text=True
            )
        if self._process.stdout is None:
            raise RuntimeError("the worker has no output")
        self.ready = json.loads(self._process.stdout.readline())
        self._port = urlsplit(self.ready["url"]).port or 0

    def stop(self) -> None:
        """Ask the process to end, as a service manager does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
