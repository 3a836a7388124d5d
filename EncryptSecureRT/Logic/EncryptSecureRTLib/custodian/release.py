"""release.json: what `encryptsecurert-worker measure` says of a build and of its machine.

The custodian reads it where the build was made, and decides what becomes of it; no client ever
sees it. Its `platforms` are checked for form and then left alone: where a build may run is the
custodian's word.
"""

from dataclasses import dataclass

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, Fields
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.statement import Kind
from EncryptSecureRTLib.attest.collateral import Collateral
from EncryptSecureRTLib.attest.roots import INTEL_ROOT_KEY_ID, root_key_id
from EncryptSecureRTLib.attest.strictjson import NotStrict, read_object, refuse_doubled

_RELEASE_SCHEMA = "encryptsecurert.release/1"
_RELEASE = (
    "schema kind mrenclave mrsigner isvprodid isvsvn root_key_id fmspc platforms version"
).split()
_ROOT_KEY_ID_BYTES = 48
_FMSPC_BYTES = 6
_MAX_16_BIT = 0xFFFF
_MAX_PLATFORMS = 1000
_VERSION = r"[0-9A-Za-z.+-]{1,32}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What `encryptsecurert-worker measure` says of a build and of the machine it ran on."""

    kind: Kind
    mrenclave: str
    mrsigner: str
    isvprodid: int
    isvsvn: int
    root_key_id: str | None
    fmspc: str | None
    version: str

    def __post_init__(self) -> None:
        # A release that claims the other kind's root is a mix-up or worse.
        intel = self.root_key_id == INTEL_ROOT_KEY_ID
        wrong = intel or self.root_key_id is None
        if self.kind is Kind.GRAMINE:
            wrong = not intel and self.root_key_id is not None
        if wrong:
            raise EncryptSecureRTError(ErrorCode.E_ROOT)

    @classmethod
    def decode(cls, octets: bytes) -> "Release":
        """Read release.json; E_FORMAT, or E_ROOT if kind and root do not go together."""
        try:
            value = read_object(octets, LIMITS.json_line_bytes)
            refuse_doubled(value)
        except NotStrict:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT) from None
        fields = Fields(value, _RELEASE)
        fields.constant("schema", _RELEASE_SCHEMA)
        if not fields.is_null("platforms"):
            for item in fields.items("platforms", _MAX_PLATFORMS, 1):
                Fields({"p": item}, ("p",)).hex("p", DIGEST_BYTES)
        no_root, no_fmspc = fields.is_null("root_key_id"), fields.is_null("fmspc")
        return cls(
            kind=Kind(fields.text("kind", "|".join(kind.value for kind in Kind))),
            mrenclave=fields.hex("mrenclave", DIGEST_BYTES),
            mrsigner=fields.hex("mrsigner", DIGEST_BYTES),
            isvprodid=fields.integer("isvprodid", 0, _MAX_16_BIT),
            isvsvn=fields.integer("isvsvn", 0, _MAX_16_BIT),
            root_key_id=None if no_root else fields.hex("root_key_id", _ROOT_KEY_ID_BYTES),
            fmspc=None if no_fmspc else fields.hex("fmspc", _FMSPC_BYTES),
            version=fields.text("version", _VERSION),
        )


def check_collateral_of(release: Release, collateral: Collateral) -> None:
    """Refuse collateral of another platform or root than the release's."""
    if release.fmspc is not None and collateral.fmspc.hex() != release.fmspc:
        raise EncryptSecureRTError(ErrorCode.E_COLLATERAL_FORMAT)
    if root_key_id(collateral.root) != (release.root_key_id or INTEL_ROOT_KEY_ID):
        raise EncryptSecureRTError(ErrorCode.E_ROOT)
