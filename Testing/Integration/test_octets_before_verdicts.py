"""Which octets leave before which verdict, seen from the network and from inside TLS."""

import dataclasses
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from stand import release_octets
from Testing.Integration.command_lines import run_client
from Testing.Integration.hospital import Lie, Ward, answering, truth_of
from Testing.Integration.liars import CERTIFICATE_CASES, REBUILT, CertificateCase, unchanged
from Testing.Integration.taps import EVIDENCE_ONLY, TcpTap

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.sealing import HpkeKeyPair, random_octets
from encryptsecurert_protocol.statement import BundleName, Statement, fresh_report_data
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.server.tls import server_context
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.connection import AttestedConnection
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.provision import provision
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import init_site

_TAG_AND_TYPE = 17  # what TLS 1.3 adds to a record: AES-GCM tag and content type


@pytest.fixture
def home(ward: Ward, tmp_path: Path) -> ClientHome:
    return ward.hospital.fresh_home(ward.physicist, tmp_path / "home")


def _refused(home: ClientHome, tap: TcpTap) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refusal:
        open_channel(home, tap.url)
    tap.wait_closed()
    return refusal.value.code


@pytest.mark.parametrize("case", CERTIFICATE_CASES, ids=lambda case: case.name)
def test_nothing_but_the_handshake_leaves_before_the_certificate_verdict(
    ward: Ward, home: ClientHome, case: CertificateCase
) -> None:
    case.spoil_home(ward.hospital, home)
    provider, change = case.disguise(ward.hospital)

    with ward.hospital.liar(change, provider=provider) as (url, inner), TcpTap(url) as outer:
        code = _refused(home, outer)

        assert code is case.code
        assert inner.received == b""
        assert [c.records_after_finished() for c in outer.connections] == [[]]


@pytest.mark.parametrize("disguise", [unchanged, REBUILT.disguise], ids=["honest", "rebuilt"])
def test_a_good_certificate_of_the_same_kind_is_asked_for_evidence(
    ward: Ward, home: ClientHome, disguise: Callable[..., object]
) -> None:
    change = answering(_as_provisioned(ward))
    if disguise is REBUILT.disguise:
        rebuilt = REBUILT.disguise(ward.hospital)[1]
        change = _both(rebuilt, change)

    with ward.hospital.liar(change) as (url, inner), open_channel(home, url) as channel:
        assert channel.verdict.accepted
        assert inner.lines()[1:] == ["GET /v1/health"]


def _both(
    first: Callable[[WorkerCore], WorkerCore], second: Callable[[WorkerCore], WorkerCore]
) -> Callable[[WorkerCore], WorkerCore]:
    return lambda core: second(first(core))


# ---- the fresh verdict


def _quoted(core: WorkerCore, nonce: bytes, statement: bytes) -> EvidenceAnswer:
    quote = core.provider.quote(fresh_report_data(core.tls.spki, nonce, statement))
    return EvidenceAnswer(statement=statement, quote=quote, collateral=core.provider.collateral())


def _saying(core: WorkerCore, **words: object) -> bytes:
    return dataclasses.replace(Statement.decode(core.statement()), **words).encode()  # type: ignore[arg-type]  # the members of one test


def _bundle(ward: Ward) -> BundleName:
    return ward.hospital.service.core.site.require().name


def _as_provisioned(ward: Ward) -> Lie:
    """Return the lie of a worker that says it holds the site's bundle: the accepting twin."""
    return lambda core, nonce: _quoted(core, nonce, _saying(core, bundle=_bundle(ward)))


def _of_other_site(ward: Ward) -> Lie:
    other = dataclasses.replace(_bundle(ward), site_key_id="0f" * 32)
    return lambda core, nonce: _quoted(core, nonce, _saying(core, bundle=other))


def _for_a_nonce_of_its_own(ward: Ward) -> Lie:
    honest = _as_provisioned(ward)
    return lambda core, nonce: honest(core, random_octets(32))


def _swapped_statement(ward: Ward) -> Lie:
    """Return the lie that puts the host's own HPKE key into a statement no quote is bound to."""
    honest, stolen = _as_provisioned(ward), HpkeKeyPair.generate()

    def lie(core: WorkerCore, nonce: bytes) -> EvidenceAnswer:
        swapped = _saying(core, bundle=_bundle(ward), hpke_public_key=stolen.public)
        return dataclasses.replace(honest(core, nonce), statement=swapped)

    return lie


def _quote_of_another_worker(ward: Ward) -> Lie:
    """Return the lie of a relay: the true answer of another worker, over another TLS key."""
    return lambda core, nonce: truth_of(ward.hospital.service.core, nonce)


def _other_measurement_than_the_quote(ward: Ward) -> Lie:
    return lambda core, nonce: _quoted(
        core, nonce, _saying(core, bundle=_bundle(ward), measurement="ab" * 32)
    )


def _flipped_quote(ward: Ward) -> Lie:
    honest = _as_provisioned(ward)

    def lie(core: WorkerCore, nonce: bytes) -> EvidenceAnswer:
        answer = honest(core, nonce)
        quote = bytearray(answer.quote)
        quote[436] ^= 1  # the signature
        return dataclasses.replace(answer, quote=bytes(quote))

    return lie


FRESH_CASES: dict[str, tuple[ErrorCode, Callable[[Ward], Lie]]] = {
    "not provisioned": (ErrorCode.E_NOT_PROVISIONED, lambda ward: truth_of),
    "other site": (ErrorCode.E_SITE, _of_other_site),
    "other nonce": (ErrorCode.E_BINDING, _for_a_nonce_of_its_own),
    "swapped statement": (ErrorCode.E_BINDING, _swapped_statement),
    "relayed quote": (ErrorCode.E_BINDING, _quote_of_another_worker),
    "statement contradicts quote": (ErrorCode.E_STATEMENT, _other_measurement_than_the_quote),
    "damaged quote": (ErrorCode.E_QUOTE_SIG, _flipped_quote),
}


@pytest.mark.parametrize("name", FRESH_CASES)
def test_exactly_one_evidence_request_leaves_before_the_fresh_verdict(
    ward: Ward, home: ClientHome, name: str
) -> None:
    expected, lie = FRESH_CASES[name]

    with ward.hospital.liar(answering(lie(ward))) as (url, inner), TcpTap(url) as outer:
        code = _refused(home, outer)

        assert code is expected
        (connection,) = inner.connections
        assert EVIDENCE_ONLY.fullmatch(connection.received)
        (line,) = outer.connections
        assert line.records_after_finished() == [len(connection.received) + _TAG_AND_TYPE]


def test_a_replayed_answer_of_the_same_worker_is_refused_and_gets_no_second_request(
    ward: Ward, home: ClientHome
) -> None:
    kept: list[EvidenceAnswer] = []
    honest = _as_provisioned(ward)

    def replay(core: WorkerCore, nonce: bytes) -> EvidenceAnswer:
        kept.append(honest(core, nonce))
        return kept[0]

    with ward.hospital.liar(answering(replay)) as (url, inner), TcpTap(url) as outer:
        open_channel(home, outer.url).close()  # the first answer is fresh, and accepted
        outer.wait_closed()
        code = _refused(home, outer)

        assert code is ErrorCode.E_NONCE
        assert EVIDENCE_ONLY.fullmatch(inner.connections[1].received)


def test_a_worker_that_its_host_provisioned_for_another_site_reads_nothing_but_the_handshake(
    ward: Ward, home: ClientHome, tmp_path: Path
) -> None:
    provider = ward.hospital.provider
    other = init_site(tmp_path / "other-site", b"a passphrase of the host")
    other.set_policy(Release.decode(release_octets(provider)), provider.collateral(), True)
    with ward.hospital.liar(lambda core: core) as (url, inner):
        with open_channel(other.home, url, allow_unprovisioned=True) as channel:
            provision(other, channel)
        before = inner.received

        with pytest.raises(EncryptSecureRTError) as refusal:
            open_channel(home, url)

        # The worker asks for users of its own site in the handshake, where ours fails.
        assert refusal.value.code is ErrorCode.E_USER_CERTIFICATE
        assert inner.received == before


def test_the_command_line_ends_with_5_and_leaves_nothing_before_the_verdict(
    ward: Ward, home: ClientHome, tmp_path: Path
) -> None:
    case = CERTIFICATE_CASES[0]
    provider, change = case.disguise(ward.hospital)
    out = tmp_path / "out"
    with ward.hospital.liar(change, provider=provider) as (url, inner):
        run = run_client("segment", ward.protected, "--out", out, "--url", url, home=home)

    assert (run.code, run.error["code"]) == (5, "E_MEASUREMENT")
    assert inner.received == b""
    assert not out.exists()


# ---- connections of a pool


def test_a_connection_that_the_worker_dropped_is_attested_again(
    ward: Ward, home: ClientHome
) -> None:
    tap = ward.hospital.tap
    first = len(tap.connections)
    with ward.channel(home) as channel:
        channel.request_json("GET", "/v1/tasks")
        tap.kill_connections()
        channel.request_json("GET", "/v1/tasks")

    mine = tap.connections[first:]
    assert len(mine) == 2
    lines = [[line for line, _ in connection.requests()] for connection in mine]
    assert all(line[0].startswith("GET /v1/evidence?nonce=") for line in lines)
    assert lines[0][0] != lines[1][0]
    assert [line[1:] for line in lines] == [["GET /v1/health", "GET /v1/tasks"], ["GET /v1/tasks"]]


def test_every_connection_of_the_whole_run_began_with_its_own_evidence(ward: Ward) -> None:
    # Protecting the series opened several connections at once.
    connections = [c.requests() for c in ward.hospital.tap.connections if c.received]
    firsts = [requests[0][0] for requests in connections]

    assert len(firsts) > 2
    assert all(line.startswith("GET /v1/evidence?nonce=") for line in firsts)
    assert len(set(firsts)) == len(firsts)
    assert sum(len(requests) for requests in connections) > 2 * len(firsts)


def test_a_line_that_is_led_to_another_worker_is_refused_in_mid_session(
    ward: Ward, home: ClientHome
) -> None:
    change = answering(_as_provisioned(ward))
    with (
        ward.hospital.liar(change) as (url_1, inner_1),
        ward.hospital.liar(change) as (url_2, inner_2),
        TcpTap(url_1) as outer,
        open_channel(home, outer.url) as channel,
    ):
        channel.request("GET", "/v1/health")
        outer.kill_connections()
        channel.request("GET", "/v1/health")  # the same worker again: welcome
        outer.lead_to(url_2)
        outer.kill_connections()
        with pytest.raises(EncryptSecureRTError) as refusal:
            channel.request("GET", "/v1/health")
        outer.wait_closed()

        assert refusal.value.code is ErrorCode.E_SESSION
        assert len(inner_1.connections) == 2
        assert inner_2.received == b""
        # It is an honest worker: a new session with it is accepted.
        open_channel(home, url_2).close()


# ---- the TLS version, and the connection itself


def _serve_once(context: ssl.SSLContext) -> tuple[str, threading.Thread]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            client, _ = listener.accept()
            try:
                with context.wrap_socket(client, server_side=True) as tls:
                    tls.recv(1)
            except OSError:
                client.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"https://127.0.0.1:{listener.getsockname()[1]}", thread


def test_a_server_without_tls_1_3_is_refused(ward: Ward, home: ClientHome) -> None:
    core = ward.hospital.service.core
    context = server_context(core.tls)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    url, thread = _serve_once(context)

    with pytest.raises(EncryptSecureRTError) as refusal:
        open_channel(home, url)
    thread.join(10)

    assert refusal.value.code is ErrorCode.E_SESSION


def test_sending_before_attestation_raises(ward: Ward) -> None:
    host, port = ward.url.removeprefix("https://").split(":")
    attempts: tuple[Callable[[AttestedConnection], None], ...] = (
        lambda connection: connection.send(b"GET / HTTP/1.1\r\n\r\n"),
        lambda connection: connection.request("GET", "/v1/health"),
        lambda connection: connection.request("POST", "/v1/jobs", body=b"{}"),
    )

    for attempt in attempts:
        with pytest.raises(EncryptSecureRTError) as refusal:
            attempt(AttestedConnection(host, int(port)))
        assert refusal.value.code is ErrorCode.E_UNATTESTED_PEER


def test_a_closed_connection_is_unattested_again(ward: Ward, home: ClientHome) -> None:
    with ward.channel(home) as channel:
        adapter = channel._session.get_adapter(ward.url)
        pool = adapter.poolmanager.connection_from_url(ward.url)  # type: ignore[attr-defined]  # ours
        connection = pool._get_conn()  # the one that was opened with the channel
        connection.request("GET", "/v1/health")  # attested: may send
        connection.getresponse().close()
        connection.close()

        with pytest.raises(EncryptSecureRTError) as refusal:
            connection.send(b"GET / HTTP/1.1\r\n\r\n")

        assert refusal.value.code is ErrorCode.E_UNATTESTED_PEER
