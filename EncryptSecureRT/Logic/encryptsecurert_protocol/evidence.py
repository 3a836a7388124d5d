"""The answer of `GET /v1/evidence`: statement, quote and collateral, as octets."""

from dataclasses import dataclass

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields, base64_text
from encryptsecurert_protocol.limits import LIMITS

_MAX_STATEMENT_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceAnswer:
    """Fresh evidence as it travels; nothing in it is believed before it is verified."""

    statement: bytes
    quote: bytes
    collateral: bytes | None

    def encode(self) -> bytes:
        """Return the canonical octets of the answer."""
        collateral = None if self.collateral is None else base64_text(self.collateral)
        return canonical.encode(
            {
                "statement": base64_text(self.statement),
                "quote": base64_text(self.quote),
                "collateral": collateral,
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "EvidenceAnswer":
        """Read an answer strictly; anything wrong is E_STATEMENT."""
        code = ErrorCode.E_STATEMENT
        try:
            value = canonical.decode(octets, LIMITS.evidence_bytes)
            fields = Fields(value, ("statement", "quote", "collateral"), code)
            none = fields.is_null("collateral")
            return cls(
                statement=fields.octets("statement", _MAX_STATEMENT_BYTES),
                quote=fields.octets("quote", LIMITS.quote_bytes),
                collateral=None if none else fields.octets("collateral", LIMITS.evidence_bytes),
            )
        except EncryptSecureRTError:
            raise EncryptSecureRTError(code) from None
