"""Leases: the site key's word that a worker of this start may use the site's secrets for a while.

A host can bring back an old state of a worker, with rights that were withdrawn since. A bundle
with `lease_s` > 0 makes that useless: after every start, and again before the last lease ends, the
worker opens nothing until it holds a lease for its own start id and its present epoch.
"""

from dataclasses import dataclass
from datetime import datetime

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES, MAX_INTEGER, Fields, time_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.signatures import Label, split_signed_message, verify

_SCHEMA = "encryptsecurert.lease/1"
_MEMBERS = ("schema", "start_id", "epoch", "time", "not_after")
MIN_LEASE_S = 600
MAX_LEASE_S = 31 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One lease.

    Invariant: it lasts, from `time` to `not_after`, longer than no time and not longer than any
    bundle may ask for.
    """

    start_id: str
    epoch: int
    time: datetime
    not_after: datetime

    def __post_init__(self) -> None:
        if not 0 < self.length_s <= MAX_LEASE_S:
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)

    @property
    def length_s(self) -> float:
        """How long it lasts, in seconds."""
        return (self.not_after - self.time).total_seconds()

    def encode(self) -> bytes:
        """Return the canonical octets that the site key signs (label `lease`)."""
        return canonical.encode(
            {
                "schema": _SCHEMA,
                "start_id": self.start_id,
                "epoch": self.epoch,
                "time": time_text(self.time),
                "not_after": time_text(self.not_after),
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "Lease":
        """Read a lease strictly; no signature is checked here."""
        fields = Fields(canonical.decode(octets, LIMITS.json_line_bytes), _MEMBERS)
        fields.constant("schema", _SCHEMA)
        return cls(
            start_id=fields.hex("start_id", ID_BYTES),
            epoch=fields.integer("epoch", 1, MAX_INTEGER),
            time=fields.time("time"),
            not_after=fields.time("not_after"),
        )


def open_lease(message: object, site_key: bytes) -> Lease:
    """Return the lease of a signed message; anything wrong is E_BUNDLE.

    Parameters
    ----------
    message : JSON value
        {`header`, `signature`}, as every signed message travels.
    site_key : bytes
        SPKI of the site key whose bundle the worker holds.
    """
    try:
        octets, signature = split_signed_message(message, LIMITS.json_line_bytes)
        verify(site_key, Label.LEASE, octets, signature, ErrorCode.E_BUNDLE)
        return Lease.decode(octets)
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE) from None
