"""A platform maker for tests, which can do everything wrong, one thing at a time.

It is written apart from the worker's simulated provider, from the layouts in the documents, so that
the two are checks of each other. Everything that a test may want to spoil is a parameter.
"""

import datetime as dt
import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID, ObjectIdentifier

NOW = dt.datetime(2026, 11, 24, 12, 0, 0, tzinfo=dt.UTC)
START, END = NOW - dt.timedelta(days=300), NOW + dt.timedelta(days=1000)
ISSUED, NEXT = "2026-11-21T00:00:00Z", "2026-12-21T00:00:00Z"
SGX = "1.2.840.113741.1.13.1"
MRENCLAVE, MRSIGNER = b"\xaa" * 32, b"\xbb" * 32
QE_SIGNER = hashlib.sha256(b"forged quoting enclave signer").digest()
USER_DATA = b"ESRTSIMULATED".ljust(20, b"\0")
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ROOT, CA, SIGNER, LEAF = (
    "ESRT Sim Root CA",
    "ESRT Sim PCK Platform CA",
    "ESRT Sim TCB Signing",
    "ESRT Sim PCK Certificate",
)

Key = ec.EllipticCurvePrivateKey
Json = dict[str, Any]


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def spki_of(key: Key) -> bytes:
    return key.public_key().public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)


def pem(*certificates: x509.Certificate) -> str:
    return "".join(item.public_bytes(ser.Encoding.PEM).decode() for item in certificates)


def raw_signature(key: Key, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def point(key: Key) -> bytes:
    return key.public_key().public_bytes(ser.Encoding.X962, ser.PublicFormat.UncompressedPoint)[1:]


def tlv(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(size)]) + size + body


def oid(dotted: str) -> bytes:
    """Return the DER of an object identifier."""
    arcs = [int(arc) for arc in dotted.split(".")]
    content = b""
    for arc in [arcs[0] * 40 + arcs[1], *arcs[2:]]:
        groups, rest = [arc & 127], arc >> 7
        while rest:
            groups.append(128 | rest & 127)
            rest >>= 7
        content += bytes(reversed(groups))
    return tlv(6, content)


def sgx_extension(
    *,
    ppid: bytes,
    cpusvn: bytes,
    fmspc: bytes,
    pce_id: bytes = b"\0\0",
    sgx_type: int = 0,
    flags: tuple[bool, bool, bool] | None = (False, False, False),
    components: int = 16,
) -> bytes:
    def member(suffix: str, value: bytes) -> bytes:
        return tlv(0x30, oid(f"{SGX}.{suffix}"), value)

    tcb = [member(f"2.{n + 1}", tlv(2, bytes([cpusvn[n]]))) for n in range(components)]
    tcb += [member("2.17", tlv(2, b"\x0d")), member("2.18", tlv(4, cpusvn))]
    items = [
        member("1", tlv(4, ppid)),
        member("2", tlv(0x30, *tcb)),
        member("3", tlv(4, pce_id)),
        member("4", tlv(4, fmspc)),
        member("5", tlv(10, bytes([sgx_type]))),
    ]
    if flags is not None:
        shown = (
            member(f"7.{n + 1}", tlv(1, b"\xff" if on else b"\0")) for n, on in enumerate(flags)
        )
        items += [member("6", tlv(4, bytes(16))), member("7", tlv(0x30, *shown))]
    return tlv(0x30, *items)


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(
    subject: str,
    key: Key,
    issuer: str,
    issuer_key: Key,
    *,
    ca: bool = False,
    end: dt.datetime = END,
    extension: bytes | None = None,
) -> x509.Certificate:
    usage = x509.KeyUsage(not ca, not ca, False, False, False, ca, ca, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(usage, critical=True)
    )
    if extension is not None:
        value = x509.UnrecognizedExtension(ObjectIdentifier(SGX), extension)
        builder = builder.add_extension(value, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def crl(
    issuer: str,
    key: Key,
    *,
    start: dt.datetime = START,
    end: dt.datetime = END,
    revoked: Sequence[int] = (),
    number: int = 7,
) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name(issuer))
        .last_update(start)
        .next_update(end)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(START)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key, hashes.SHA256()).public_bytes(ser.Encoding.DER)


def report(
    report_data: bytes,
    *,
    cpusvn: bytes = bytes([5] * 16),
    misc: int = 0,
    ext_prod_id: bytes = bytes(16),
    flags: int = 5,
    xfrm: int = 3,
    mrenclave: bytes = MRENCLAVE,
    mrsigner: bytes = MRSIGNER,
    config_id: bytes = bytes(64),
    prod: int = 1,
    svn: int = 1,
    config_svn: int = 0,
    family_id: bytes = bytes(16),
) -> bytes:
    return b"".join(
        (
            cpusvn + struct.pack("<I", misc) + bytes(12) + ext_prod_id,
            struct.pack("<QQ", flags, xfrm) + mrenclave + bytes(32) + mrsigner + bytes(32),
            config_id + struct.pack("<HHH", prod, svn, config_svn) + bytes(42) + family_id,
            report_data,
        )
    )


class Platform:
    """Five keys, four certificates, quotes and collateral; each part can be made wrong."""

    def __init__(
        self,
        *,
        leaf_end: dt.datetime = END,
        ca_flag: bool = True,
        with_extension: bool = True,
        **extension: Any,
    ) -> None:
        self.root_key, self.ca_key, self.signer_key = new_key(), new_key(), new_key()
        self.leaf_key, self.attestation_key = new_key(), new_key()
        self.cpusvn = bytes([5] * 16)
        self.fmspc = bytes.fromhex("e5d700000001")
        self.ppid = hashlib.sha256(b"forged ppid").digest()[:16]
        self.root = certificate(ROOT, self.root_key, ROOT, self.root_key, ca=True)
        self.ca = certificate(CA, self.ca_key, ROOT, self.root_key, ca=ca_flag)
        self.signer = certificate(SIGNER, self.signer_key, ROOT, self.root_key)
        described = {"ppid": self.ppid, "cpusvn": self.cpusvn, "fmspc": self.fmspc} | extension
        self.leaf = certificate(
            LEAF,
            self.leaf_key,
            CA,
            self.ca_key,
            end=leaf_end,
            extension=sgx_extension(**described) if with_extension else None,
        )

    @property
    def root_key_id(self) -> str:
        """What a policy pins of the root."""
        return hashlib.sha384(b"\x04" + point(self.root_key)).hexdigest()

    @property
    def platform_id(self) -> str:
        """What a policy lists of the platform."""
        return hashlib.sha256(self.ppid).hexdigest()

    def quote(
        self,
        report_data: bytes,
        *,
        edit: Callable[[bytearray], None] | None = None,
        header_user_data: bytes = USER_DATA,
        auth: bytes = bytes(range(32)),
        certification: int = 5,
        attestation_key: Key | None = None,
        chain: str | None = None,
        **fields: Any,
    ) -> bytes:
        """Return a quote; `edit` changes header and report before they are signed."""
        key = attestation_key or self.attestation_key
        header = struct.pack("<HHIHH", 3, 2, 0, 8, 13)
        header += bytes.fromhex("939a7233f79c4ca9940a0db3957f0607") + header_user_data
        body = bytearray(header + report(report_data, cpusvn=self.cpusvn, **fields))
        if edit is not None:
            edit(body)
        # The quoting enclave vouches for the platform's own key, also when another one signs.
        binding = hashlib.sha256(point(self.attestation_key) + auth).digest() + bytes(32)
        qe = report(
            binding, cpusvn=self.cpusvn, flags=0x11, mrenclave=b"\xcc" * 32, mrsigner=QE_SIGNER,
            svn=8,
        )  # fmt: skip
        text = (pem(self.leaf, self.ca, self.root) if chain is None else chain).encode()
        tail = b"".join(
            (
                raw_signature(key, bytes(body)) + point(key),
                qe + raw_signature(self.leaf_key, qe),
                struct.pack("<H", len(auth)) + auth,
                struct.pack("<HI", certification, len(text)) + text,
            )
        )
        return bytes(body) + struct.pack("<I", len(tail)) + tail

    def tcb_info(self, *, svn: int = 5, components: int = 16, **members: Any) -> str:
        """Return TCB information; `members` replace those of the document."""
        level = {
            "tcb": {"sgxtcbcomponents": [{"svn": svn}] * components, "pcesvn": 13},
            "tcbDate": "2026-08-13T00:00:00Z",
            "tcbStatus": members.pop("status", "UpToDate"),
            "advisoryIDs": members.pop("advisories", []),
        }
        document = {
            "id": "SGX",
            "version": 3,
            "issueDate": ISSUED,
            "nextUpdate": NEXT,
            "fmspc": self.fmspc.hex().upper(),
            "pceId": "0000",
            "tcbType": 0,
            "tcbEvaluationDataNumber": 20,
            "tcbLevels": [level],
        }
        return json.dumps(document | members, separators=(",", ":"))

    def qe_identity(self, *, status: str = "UpToDate", isvsvn: int = 8, **members: Any) -> str:
        """Return the identity of the quoting enclave, likewise."""
        level = {"tcb": {"isvsvn": isvsvn}, "tcbDate": "2026-08-13T00:00:00Z", "tcbStatus": status}
        document = {
            "id": "QE",
            "version": 2,
            "issueDate": ISSUED,
            "nextUpdate": NEXT,
            "tcbEvaluationDataNumber": 20,
            "miscselect": "00000000",
            "miscselectMask": "FFFFFFFF",
            "attributes": "11000000000000000000000000000000",
            "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
            "mrsigner": QE_SIGNER.hex().upper(),
            "isvprodid": 1,
            "tcbLevels": [level],
        }
        return json.dumps(document | members, separators=(",", ":"))

    def collateral(
        self,
        *,
        tcb_info: str | None = None,
        qe_identity: str | None = None,
        signer_key: Key | None = None,
        root_crl: bytes | None = None,
        pck_crl: bytes | None = None,
        **members: Any,
    ) -> bytes:
        """Return collateral as JSON; `members` replace or, if None, drop finished members."""
        key = signer_key or self.signer_key
        tcb, qe = tcb_info or self.tcb_info(), qe_identity or self.qe_identity()
        signers = pem(self.signer, self.root)
        finished: Json = {
            "pck_crl_issuer_chain": pem(self.ca, self.root),
            "root_ca_crl": (root_crl or crl(ROOT, self.root_key)).hex(),
            "pck_crl": (pck_crl or crl(CA, self.ca_key)).hex(),
            "tcb_info_issuer_chain": signers,
            "tcb_info": tcb,
            "tcb_info_signature": raw_signature(key, tcb.encode()).hex(),
            "qe_identity_issuer_chain": signers,
            "qe_identity": qe,
            "qe_identity_signature": raw_signature(key, qe.encode()).hex(),
        } | members
        return json.dumps({k: v for k, v in finished.items() if v is not None}).encode()
