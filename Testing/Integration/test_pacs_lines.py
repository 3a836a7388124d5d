"""Lines to a PACS: TLS with a verified certificate, a word about plain ones, no strangers."""

import datetime
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pynetdicom import build_context
from pynetdicom.ae import ApplicationEntity
from Testing.Integration import hostile_pacs
from Testing.Integration.command_lines import Run
from Testing.Integration.gateway import run_here
from Testing.Integration.orthanc import free_port

from encryptsecurert_protocol.errors import EncryptSecureRTError
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.pacs.address import DimsePeer, parse_peer
from EncryptSecureRTLib.client.pacs.dimse_bounds import asking, fetching
from EncryptSecureRTLib.client.pacs.dimse_fetch import Arrivals
from EncryptSecureRTLib.client.pacs.dimse_line import DimseSettings, associated
from EncryptSecureRTLib.client.pacs.dimse_listen import listening
from EncryptSecureRTLib.client.pacs.opening import CLEAR_LINE
from EncryptSecureRTLib.client.pacs.quiet import files_in

ECHO = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"


def _write_certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """Write a certificate that signs itself, for one address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pacs")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    (folder / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    return folder / "cert.pem", folder / "key.pem"


def _echo(tmp_path: Path, *words: str | Path) -> Run:
    more = ("--timeout", "3")
    return run_here("pacs", "echo", *words, *more, home=ClientHome(tmp_path / "home"))


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return _write_certificate(tmp_path / "pacs", "127.0.0.1")


def _server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def over_tls(certificate: tuple[Path, Path]) -> Iterator[str]:
    """Run an application entity over TLS; yields what names it."""
    ours = ApplicationEntity("PACS")
    ours.add_supported_context(ECHO)
    with hostile_pacs.serving(ours, tls=_server_context(certificate)) as port:
        yield f"PACS@127.0.0.1:{port}"


def test_dimse_over_tls_is_for_a_certificate_that_is_known_and_of_that_name(
    tmp_path: Path, over_tls: str, certificate: tuple[Path, Path]
) -> None:
    right = _echo(tmp_path, "--dimse", over_tls, "--tls", "--ca", certificate[0])
    unknown = _echo(tmp_path, "--dimse", over_tls, "--tls")
    localhost = over_tls.replace("127.0.0.1", "localhost")
    other_name = _echo(tmp_path, "--dimse", localhost, "--tls", "--ca", certificate[0])

    assert right.code == 0, right
    assert (unknown.code, unknown.error["code"]) == (3, "E_PACS_UNREACHABLE")
    assert "certificate" in unknown.error["what"]
    assert other_name.code == 3


def test_dicomweb_is_for_a_certificate_that_is_known_and_of_that_name(
    tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))  # has no say
    answer = partial(hostile_pacs.reply, status=200, kind="application/dicom+json", body=b"[]")
    with hostile_pacs.web(answer, _server_context(certificate)) as (word, url):
        right = _echo(tmp_path, word, url, "--ca", certificate[0])
        unknown = _echo(tmp_path, word, url)
        localhost = url.replace("127.0.0.1", "localhost")
        other_name = _echo(tmp_path, word, localhost, "--ca", certificate[0])

    assert right.code == 0, right
    assert (unknown.code, unknown.error["code"]) == (3, "E_PACS_UNREACHABLE")
    assert "certificate" in unknown.error["what"]
    assert other_name.code == 3


def test_a_plain_line_to_another_computer_is_told_of_and_one_to_this_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", _no_name_service)

    away = _echo(tmp_path, "--dimse", "PACS@archive.invalid:104")
    by_tls = _echo(tmp_path, "--dimse", "PACS@archive.invalid:104", "--tls")
    here = _echo(tmp_path, "--dimse", f"PACS@127.0.0.1:{free_port()}")
    by_web = _echo(tmp_path, "--dicomweb", "http://archive.invalid/x", "--unsafe-allow-http")
    refused = _echo(tmp_path, "--dicomweb", "http://archive.invalid/x")

    told = [CLEAR_LINE in str(run.lines) for run in (away, by_tls, here, by_web)]
    assert told == [True, False, False, True]
    assert {run.error["code"] for run in (away, by_tls, here)} == {"E_PACS_UNREACHABLE"}
    assert (refused.code, refused.error["code"]) == (2, "E_USAGE")


def _no_name_service(host: str, *more: object, **settings: object) -> list[object]:
    if host == "archive.invalid":
        raise socket.gaierror
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))]


def _calls(port: int, title: str) -> bool:
    """Tell whether an association is taken."""
    peer = DimsePeer(title=title, host="127.0.0.1", port=port)
    settings = DimseSettings(peer=peer, title="PACS", silence_s=2.0)
    try:
        with associated(settings, [build_context(CT)], asking(2.0)):
            return True
    except EncryptSecureRTError:
        return False


@pytest.mark.parametrize(
    ("host", "title", "is_taken"),
    [
        ("127.0.0.1", "GATEWAY", True),
        ("127.0.0.1", "OTHER", False),
        ("127.0.0.2", "GATEWAY", False),  # the PACS is there, and we call from 127.0.0.1
    ],
)
def test_only_the_pacs_is_let_in_and_only_if_it_calls_us_by_our_title(
    tmp_path: Path, host: str, title: str, is_taken: bool
) -> None:
    arrivals, port = Arrivals(tmp_path, lambda count: None), free_port()
    peer = parse_peer(f"PACS@{host}:104")
    settings = DimseSettings(peer=peer, title="GATEWAY", silence_s=2.0)
    begun_s = time.monotonic()
    with files_in(tmp_path / "in"), listening(settings, port, None, arrivals, fetching(2.0)):
        taken = _calls(port, title)

    assert taken is is_taken
    assert time.monotonic() - begun_s < 5
    with pytest.raises(OSError, match="refused"):  # it listens no longer
        socket.create_connection(("127.0.0.1", port), 1)
