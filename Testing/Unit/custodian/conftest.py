"""One founded site, copied for each test that needs one, and the makers that tests share."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID
from Testing.Unit.custodian.fake_channel import FakeChannel
from Testing.Unit.custodian.real_worker import Worker, running_worker

from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite
from encryptsecurert_protocol.statement import BundleName, Kind, Profile, Statement
from EncryptSecureRTLib.custodian.cli import main
from EncryptSecureRTLib.custodian.founding import found_site
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import Site, utc_now
from EncryptSecureRTLib.custodian.site_folder import SiteFolder
from EncryptSecureRTLib.custodian.site_keys import SiteKeys

PASSPHRASE = b"correct horse battery"
# In the past, so that commands with the real clock can work on the same site.
NOW = datetime(2025, 1, 6, 12, 0, tzinfo=UTC)


class SteppingClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def step(self, **amount: float) -> None:
        """Move by days, hours, ..."""
        self.now += timedelta(**amount)


@dataclass
class Founded:
    """A site's folder and its opened keys."""

    folder: Path
    keys: SiteKeys


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    folder = tmp_path_factory.mktemp("founded") / "site"
    return Founded(folder, found_site(folder, PASSPHRASE, NOW))


@pytest.fixture
def passphrase() -> bytes:
    return PASSPHRASE


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def pass_time(clock: SteppingClock) -> Callable[..., None]:
    """Move the custodian's clock: pass_time(days=3)."""
    return clock.step


@pytest.fixture
def keys(founded: Founded) -> SiteKeys:
    return founded.keys


@pytest.fixture
def site_dir(founded: Founded, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded.folder, tmp_path / "site"))


@pytest.fixture
def reopen(site_dir: Path, keys: SiteKeys, clock: SteppingClock) -> Callable[[], Site]:
    """Open the test's site with keys that are open already: scrypt takes its time by design."""
    return lambda: Site(SiteFolder(site_dir, keys), keys, clock)


@pytest.fixture
def site(reopen: Callable[[], Site]) -> Site:
    return reopen()


@pytest.fixture
def now_site(site_dir: Path, keys: SiteKeys) -> Site:
    """Open the test's site with the real clock, for tests with a real worker."""
    return Site(SiteFolder(site_dir, keys), keys, utc_now)


@pytest.fixture
def passphrase_file(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_bytes(PASSPHRASE + b"\n")
    return str(path)


def _request(key: CertificateIssuerPrivateKeyTypes | None = None, name: str = "enroll") -> bytes:
    signer = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def request_of() -> Callable[..., bytes]:
    """Make a certificate request: request_of(key, name)."""
    return _request


def _release_json(**changes: object) -> bytes:
    members: dict[str, object] = {
        "schema": "encryptsecurert.release/1",
        "kind": "simulated",
        "mrenclave": "01" * 32,
        "mrsigner": "02" * 32,
        "isvprodid": 1,
        "isvsvn": 1,
        "root_key_id": "03" * 48,
        "fmspc": "04" * 6,
        "platforms": None,
        "version": "0.1.0",
    }
    members.update(changes)
    return json.dumps(members, indent=1).encode()


@pytest.fixture
def release_json() -> Callable[..., bytes]:
    """Make the octets of a release.json, with some members changed."""
    return _release_json


@pytest.fixture
def simulated_release() -> Release:
    return Release.decode(_release_json())


@pytest.fixture
def worker_key() -> HpkeKeyPair:
    return HpkeKeyPair.generate()


@pytest.fixture
def statement_of() -> Callable[..., Statement]:
    """Make what a worker says of itself: statement_of(hpke pair, bundle)."""

    def make(key: HpkeKeyPair, bundle: BundleName | None = None) -> Statement:
        return Statement(
            worker_version="0.1.0",
            kind=Kind.SIMULATED,
            measurement="01" * 32,
            profile=Profile.BOTH,
            hpke_suite=HpkeSuite(key.suite),
            hpke_public_key=key.public,
            receipt_key=b"\x01" * 44,
            bundle=bundle,
            instance_id="05" * 16,
            start_id="06" * 16,
            audit_head="07" * 32,
            started_at=NOW,
        )

    return make


@pytest.fixture
def ready(site: Site, simulated_release: Release) -> Site:
    """Give a site with a policy."""
    site.set_policy(simulated_release, allow_simulated=True)
    return site


@pytest.fixture
def channel(
    ready: Site, worker_key: HpkeKeyPair, statement_of: Callable[..., Statement]
) -> FakeChannel:
    """Give a fake channel to a worker that the ready site's policy accepts."""
    policy = ready.state.policy
    assert policy is not None
    return FakeChannel(worker_key, statement_of(worker_key), policy.octets)


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Read a folder: relative name to octets, for comparing before and after."""

    def read(folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    return read


@pytest.fixture
def run(
    passphrase_file: str, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Run a command with --json and the passphrase; return exit code and lines."""

    def run_it(*words: object) -> tuple[int, list[dict[str, Any]]]:
        arguments = [str(word) for word in words]
        code = main([*arguments, "--passphrase-file", passphrase_file, "--json"])
        captured = capsys.readouterr()
        assert captured.err == ""
        return code, [json.loads(line) for line in captured.out.splitlines()]

    return run_it


@pytest.fixture
def csr(tmp_path: Path, request_of: Callable[..., bytes]) -> Path:
    path = tmp_path / "user.csr"
    path.write_bytes(request_of())
    return path


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """Run a worker process that no bundle has reached yet."""
    with running_worker(tmp_path) as started:
        yield started
