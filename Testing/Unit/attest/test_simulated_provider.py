"""The simulated provider: judged by the same verifier as everything else, and kept in its place."""

import datetime as dt
import hashlib
import json
import stat
import statistics
import time
from pathlib import Path
from typing import Any

import cbor2
import dcap_qvl  # type: ignore[import-untyped]  # no py.typed
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization as ser
from Testing.Unit.attest.bench import SITE, Bench, load
from Testing.Unit.attest.forge import NOW

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.statement import Kind, fresh_report_data
from encryptsecurert_worker.evidence.ratls_cert import RatlsIdentity, make_ratls_identity
from encryptsecurert_worker.evidence.release import release
from encryptsecurert_worker.evidence.simulated import SimulatedProvider
from EncryptSecureRTLib.attest.collateral import read_collateral
from EncryptSecureRTLib.attest.memory import CollateralStore, ReplayCache, SiteMemory
from EncryptSecureRTLib.attest.quote import read_quote
from EncryptSecureRTLib.attest.ratls import read_ratls_certificate
from EncryptSecureRTLib.attest.roots import PckCa
from EncryptSecureRTLib.attest.verifier import Verifier

MRENCLAVE = hashlib.sha256(b"some code").digest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulated")


@pytest.fixture
def provider(folder: Path) -> SimulatedProvider:
    return SimulatedProvider(folder, MRENCLAVE, lambda: NOW)


def policy_of(provider: SimulatedProvider) -> dict[str, Any]:
    """Return the policy that `release` describes."""
    told = release(provider)
    return {
        "schema": "encryptsecurert.policy/1",
        "version": 1,
        "not_before": "2026-11-01T00:00:00Z",
        "allow_simulated": True,
        "site_key": SITE,
        "workers": [
            {
                "name": "simulated",
                "root": told["kind"],
                "simulated_root_key_id": told["root_key_id"],
                "mrsigner": told["mrsigner"],
                "isvprodid": told["isvprodid"],
                "min_isvsvn": told["isvsvn"],
                "builds": [{"mrenclave": told["mrenclave"]}],
                "tcb_status": ["UpToDate"],
                "min_tcb_evaluation": 1,
            }
        ],
    }


class Session:
    """A client that trusts a provider by its release."""

    def __init__(self, provider: SimulatedProvider, state: Path, bench: Bench) -> None:
        self.provider = provider
        self.bench = bench
        store = CollateralStore(state)
        store.place(provider.collateral())
        self.identity: RatlsIdentity = make_ratls_identity(provider)
        self.verifier = Verifier(
            policy=load(policy_of(provider)),
            store=store,
            replay=ReplayCache(),
            sites=SiteMemory(state),
            clock=lambda: NOW,
            monotonic=lambda: 0.0,
        )

    def answer(self, nonce: bytes) -> EvidenceAnswer:
        """Answer as a worker does."""
        statement = self.bench.statement(measurement=MRENCLAVE.hex())
        quote = self.provider.quote(fresh_report_data(self.identity.spki, nonce, statement))
        return EvidenceAnswer(
            statement=statement, quote=quote, collateral=self.provider.collateral()
        )

    def run(self, nonce: bytes, evidence: EvidenceAnswer) -> tuple[bool, bool]:
        """Judge certificate and answer."""
        first = self.verifier.judge_certificate(self.identity.certificate)
        second, _ = self.verifier.judge_fresh(
            spki_der=self.identity.spki, nonce=nonce, issued_at=0.0, evidence=evidence
        )
        return first.accepted, second.accepted


@pytest.fixture
def session(provider: SimulatedProvider, tmp_path: Path, bench: Bench) -> Session:
    return Session(provider, tmp_path / "client", bench)


def test_a_session_with_it_is_accepted_under_the_policy_of_its_release(session: Session) -> None:
    nonce = bytes(32)

    assert session.run(nonce, session.answer(nonce)) == (True, True)


def test_a_worker_of_other_code_is_refused_under_that_policy(
    session: Session, folder: Path
) -> None:
    other = SimulatedProvider(folder, bytes(32), lambda: NOW)

    verdict = session.verifier.judge_certificate(make_ratls_identity(other).certificate)

    assert verdict.code is ErrorCode.E_MEASUREMENT


def test_a_session_is_judged_in_at_most_20_ms_of_processor_time(session: Session) -> None:
    """The median over 30 sessions; processor time, so that a busy machine does not count."""
    spent_ms = []
    for count in range(30):
        nonce = count.to_bytes(32, "big")
        evidence = session.answer(nonce)
        start_s = time.process_time()
        assert session.run(nonce, evidence) == (True, True)
        spent_ms.append(1000 * (time.process_time() - start_s))

    assert statistics.median(spent_ms) <= 20


def test_intels_root_does_not_verify_it(provider: SimulatedProvider) -> None:
    quote = provider.quote(bytes(64))
    collateral = dcap_qvl.QuoteCollateralV3.from_json(provider.collateral().decode())
    root = read_collateral(provider.collateral()).root_der
    now_s = int(NOW.timestamp())
    assert dcap_qvl.verify_with_root_ca(quote, collateral, root, now_s).status == "UpToDate"

    with pytest.raises(ValueError, match="Verification failed"):
        dcap_qvl.verify(quote, collateral, now_s)


def test_everything_says_that_it_is_simulated(provider: SimulatedProvider, folder: Path) -> None:
    provider.collateral()

    assert provider.kind is Kind.SIMULATED
    assert read_quote(provider.quote(bytes(64))).says_simulated
    root = read_collateral(provider.collateral()).root
    assert "SIMULATED" in root.subject.rfc4514_string()
    files = list(folder.iterdir())
    assert len(files) == 10
    assert all(file.name.startswith("SIMULATED-") for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_folder_keeps_its_platform(provider: SimulatedProvider, folder: Path) -> None:
    again = SimulatedProvider(folder, MRENCLAVE, lambda: NOW + dt.timedelta(days=400))

    assert release(again) == release(provider)


def test_two_folders_are_two_platforms(provider: SimulatedProvider, tmp_path: Path) -> None:
    other = SimulatedProvider(tmp_path, MRENCLAVE, lambda: NOW)

    same, different = release(provider), release(other)

    assert same["root_key_id"] != different["root_key_id"]
    assert same["fmspc"] != different["fmspc"]
    assert same["mrenclave"] == different["mrenclave"]


def test_an_unreadable_key_is_an_error_and_not_a_new_platform(tmp_path: Path) -> None:
    SimulatedProvider(tmp_path, MRENCLAVE, lambda: NOW)
    (tmp_path / "SIMULATED-root.key").write_bytes(b"rubbish")

    with pytest.raises(EncryptSecureRTError) as caught:
        SimulatedProvider(tmp_path, MRENCLAVE, lambda: NOW)

    assert caught.value.code is ErrorCode.E_LOCAL_FILE


def test_collateral_is_kept_for_two_days_and_then_made_anew(tmp_path: Path) -> None:
    moment = [NOW]
    provider = SimulatedProvider(tmp_path, MRENCLAVE, lambda: moment[0])
    first = provider.collateral()

    moment[0] += dt.timedelta(days=1, hours=23)
    kept = provider.collateral()
    moment[0] += dt.timedelta(hours=1)
    second = provider.collateral()
    moment[0] = NOW
    after_the_clock_went_back = provider.collateral()

    assert kept == first
    assert second != first
    assert after_the_clock_went_back == second
    assert read_collateral(second).tcb.issued > read_collateral(first).tcb.issued


def test_renewed_collateral_is_taken_forward_by_a_client(tmp_path: Path) -> None:
    moment = [NOW]
    provider = SimulatedProvider(tmp_path / "worker", MRENCLAVE, lambda: moment[0])
    store = CollateralStore(tmp_path / "client")
    old = store.place(provider.collateral())
    moment[0] += dt.timedelta(days=3)

    new = store.place(provider.collateral())

    assert (old.ca, old.fmspc) == (new.ca, new.fmspc) == (PckCa.PLATFORM, old.fmspc)
    assert store.load(new.fmspc, new.ca) == provider.collateral()


def test_what_release_tells_is_what_the_verifier_finds(
    session: Session, provider: SimulatedProvider
) -> None:
    verdict = session.verifier.judge_certificate(session.identity.certificate)
    told = release(provider)

    assert {
        "kind": "simulated" if verdict.simulated else "gramine",
        "mrenclave": verdict.measurement,
        "mrsigner": verdict.mrsigner,
        "isvprodid": verdict.isvprodid,
        "isvsvn": verdict.isvsvn,
        "root_key_id": verdict.root_key_id,
        "fmspc": verdict.fmspc,
    } == told
    assert provider.measurement == verdict.measurement


@pytest.mark.parametrize("size", [0, 63, 65])
def test_only_64_octets_are_quoted(provider: SimulatedProvider, size: int) -> None:
    with pytest.raises(EncryptSecureRTError):
        provider.quote(bytes(size))


def test_the_certificate_has_gramines_layout(provider: SimulatedProvider) -> None:
    """Field by field from the document; the evidence is decoded by another library."""
    identity = make_ratls_identity(provider)
    certificate = x509.load_der_x509_certificate(identity.certificate)
    values = {
        item.oid.dotted_string: item.value
        for item in certificate.extensions
        if isinstance(item.value, x509.UnrecognizedExtension)
    }
    tagged, legacy = values["2.23.133.5.4.9"], values["0.6.9.42.840.113741.1337.6"]
    decoded = cbor2.loads(tagged.value)
    quote, claims = decoded.value
    digest = hashlib.sha256(identity.spki).digest()

    assert certificate.subject.rfc4514_string() == "C=US,O=GramineDevelopers,CN=RATLS"
    assert certificate.subject == certificate.issuer
    assert certificate.serial_number == 1
    assert certificate.not_valid_before_utc.year == 2001
    assert not any(item.critical for item in certificate.extensions)
    assert bytes.fromhex("060b06092a864886f84d8a3906") in identity.certificate
    assert decoded.tag == 60000
    assert cbor2.loads(cbor2.loads(claims)["pubkey-hash"]) == [1, digest]
    assert list(cbor2.loads(claims)) == ["pubkey-hash"]
    assert quote[368:432] == hashlib.sha256(claims).digest() + bytes(32)
    assert legacy.value[368:432] == digest + bytes(32)


def test_a_certificate_has_a_key_of_its_own_each_time(provider: SimulatedProvider) -> None:
    first, second = make_ratls_identity(provider), make_ratls_identity(provider)

    assert first.spki != second.spki
    assert read_ratls_certificate(first.certificate).spki == first.spki
    loaded = ser.load_pem_private_key(first.private_key_pem(), None)
    assert (
        loaded.public_key().public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
        == first.spki
    )


def test_a_damaged_collateral_file_is_replaced(tmp_path: Path) -> None:
    provider = SimulatedProvider(tmp_path, MRENCLAVE, lambda: NOW)
    (tmp_path / "SIMULATED-collateral.json").write_bytes(b"rubbish")

    assert set(json.loads(provider.collateral())) >= {"tcb_info", "pck_crl"}
