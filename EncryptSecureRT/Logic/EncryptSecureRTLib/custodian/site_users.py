"""A user as the site's state has them: roles, certificates, and every key that was ever theirs.

Certificates end and are dropped; keys stay. So a key that was lost never comes back, and no key
comes back under another id.
"""

from dataclasses import dataclass
from datetime import datetime

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, ID_BYTES, Fields, time_text
from encryptsecurert_protocol.rights import Role

MAX_USABLE_CERTIFICATES = 16  # of a user in a bundle
MAX_LISTED_CERTIFICATES = 256  # here, with those that were revoked and have not ended
MAX_KEYS = 1024
_CODE = ErrorCode.E_LOCAL_FILE


def _time_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCertificate:
    """A certificate that was issued: its SHA-256, its key's SHA-256, and its end."""

    fingerprint: str
    key_id: str
    not_after: datetime
    revoked_at: datetime | None = None

    def usable_at(self, now: datetime) -> bool:
        """Tell whether a worker may still accept it."""
        return self.revoked_at is None and now < self.not_after

    def as_json(self) -> dict[str, object]:
        """Return the members."""
        return {
            "fingerprint": self.fingerprint,
            "key_id": self.key_id,
            "not_after": time_text(self.not_after),
            "revoked_at": _time_or_none(self.revoked_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKey:
    """A key that the user has or had; a revoked one gets no certificate again."""

    key_id: str
    revoked: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the members."""
        return {"key_id": self.key_id, "revoked": self.revoked}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteUser:
    """A user, known by a random id; a revoked one stays listed, so the keys cannot come back."""

    user: str
    roles: tuple[Role, ...]
    certificates: tuple[UserCertificate, ...]
    keys: tuple[UserKey, ...]
    revoked_at: datetime | None = None

    def usable_at(self, now: datetime) -> tuple[UserCertificate, ...]:
        """Return the certificates that workers may still accept."""
        return tuple(c for c in self.certificates if c.usable_at(now))

    def key(self, key_id: str) -> UserKey | None:
        """Return the key of an id."""
        return next((key for key in self.keys if key.key_id == key_id), None)

    def as_json(self) -> dict[str, object]:
        """Return the members."""
        return {
            "user": self.user,
            "roles": [role.value for role in self.roles],
            "certificates": [certificate.as_json() for certificate in self.certificates],
            "keys": [key.as_json() for key in self.keys],
            "revoked_at": _time_or_none(self.revoked_at),
        }

    @classmethod
    def from_json(cls, item: object) -> "SiteUser":
        """Read the members strictly."""
        fields = Fields(item, ("user", "roles", "certificates", "keys", "revoked_at"), _CODE)
        words = "|".join(role.value for role in Role)
        return cls(
            user=fields.hex("user", ID_BYTES),
            roles=tuple(
                Role(Fields({"r": role}, ("r",), _CODE).text("r", words))
                for role in fields.items("roles", len(Role), 1)
            ),
            certificates=tuple(
                _certificate(item) for item in fields.items("certificates", MAX_LISTED_CERTIFICATES)
            ),
            keys=tuple(_key(item) for item in fields.items("keys", MAX_KEYS, 1)),
            revoked_at=None if fields.is_null("revoked_at") else fields.time("revoked_at"),
        )


def _certificate(item: object) -> UserCertificate:
    fields = Fields(item, ("fingerprint", "key_id", "not_after", "revoked_at"), _CODE)
    return UserCertificate(
        fingerprint=fields.hex("fingerprint", DIGEST_BYTES),
        key_id=fields.hex("key_id", DIGEST_BYTES),
        not_after=fields.time("not_after"),
        revoked_at=None if fields.is_null("revoked_at") else fields.time("revoked_at"),
    )


def _key(item: object) -> UserKey:
    fields = Fields(item, ("key_id", "revoked"), _CODE)
    return UserKey(key_id=fields.hex("key_id", DIGEST_BYTES), revoked=fields.boolean("revoked"))
