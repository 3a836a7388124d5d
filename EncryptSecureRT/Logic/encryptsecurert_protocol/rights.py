"""Who may do what: users, roles and operations as a bundle lists them.

A user certificate holds a random id only. The bundle says which certificates (by fingerprint)
belong to that id, which roles it has, and which operations a role allows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, ID_BYTES, Fields

_MAX_USERS = 10_000
_MAX_CERTIFICATES = 16


class Operation(Enum):
    """What a role may be allowed to do."""

    PROTECT = "protect"
    REVEAL = "reveal"
    BREAK_GLASS = "break-glass"
    EXPORT = "export"
    SEGMENT = "segment"
    DOSE = "dose"
    REGISTER = "register"
    PROVISION = "provision"
    PROVISION_MODEL = "provision-model"
    AUDIT = "audit"


class Role(Enum):
    """The roles to start with."""

    RADIOLOGIST = "radiologist"
    RADIATION_ONCOLOGIST = "radiation-oncologist"
    PHYSICIST = "physicist"
    DOSIMETRIST = "dosimetrist"
    TECHNICIAN = "technician"
    RESEARCHER = "researcher"
    CUSTODIAN = "custodian"
    AUDITOR = "auditor"


_O = Operation
STARTING_RIGHTS: Mapping[Role, frozenset[Operation]] = {
    Role.RADIOLOGIST: frozenset({_O.PROTECT, _O.REVEAL, _O.BREAK_GLASS, _O.SEGMENT}),
    Role.RADIATION_ONCOLOGIST: frozenset(
        {_O.PROTECT, _O.REVEAL, _O.BREAK_GLASS, _O.EXPORT, _O.SEGMENT, _O.DOSE, _O.REGISTER}
    ),
    Role.PHYSICIST: frozenset({_O.PROTECT, _O.REVEAL, _O.SEGMENT, _O.DOSE, _O.REGISTER}),
    Role.DOSIMETRIST: frozenset({_O.PROTECT, _O.REVEAL, _O.SEGMENT, _O.DOSE, _O.REGISTER}),
    Role.TECHNICIAN: frozenset({_O.PROTECT}),
    Role.RESEARCHER: frozenset({_O.SEGMENT, _O.DOSE, _O.REGISTER}),
    Role.CUSTODIAN: frozenset({_O.PROVISION}),
    Role.AUDITOR: frozenset({_O.AUDIT}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEntry:
    """One user: a random id, the fingerprints of valid certificates, and roles."""

    user: str
    certificates: tuple[str, ...]
    roles: tuple[Role, ...]

    def as_json(self) -> dict[str, object]:
        """Return the entry's members."""
        return {
            "user": self.user,
            "certificates": list(self.certificates),
            "roles": [role.value for role in self.roles],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePolicy:
    """All users and what each role may do."""

    users: tuple[UserEntry, ...]
    rights: Mapping[Role, frozenset[Operation]]

    def as_json(self) -> dict[str, object]:
        """Return the policy's members."""
        return {
            "users": [user.as_json() for user in self.users],
            "rights": [
                {"role": role.value, "operations": sorted(o.value for o in operations)}
                for role, operations in sorted(self.rights.items(), key=lambda item: item[0].value)
            ],
        }

    def user_of(self, fingerprint: str) -> UserEntry | None:
        """Return the user that a certificate fingerprint belongs to."""
        for entry in self.users:
            if fingerprint in entry.certificates:
                return entry
        return None

    def allows(self, entry: UserEntry, operation: Operation) -> bool:
        """Tell whether one of the user's roles allows the operation."""
        return any(operation in self.rights.get(role, frozenset()) for role in entry.roles)

    @classmethod
    def from_json(cls, value: object) -> "RolePolicy":
        """Read the policy strictly."""
        fields = Fields(value, ("users", "rights"))
        users = tuple(_user(item) for item in fields.items("users", _MAX_USERS))
        rights: dict[Role, frozenset[Operation]] = {}
        for item in fields.items("rights", len(Role), 1):
            entry = Fields(item, ("role", "operations"))
            role = Role(entry.text("role", "|".join(r.value for r in Role)))
            if role in rights:
                raise EncryptSecureRTError(ErrorCode.E_FORMAT)
            rights[role] = frozenset(
                Operation(_one_of(o, Operation))
                for o in entry.items("operations", len(Operation), 1)
            )
        ids = [user.user for user in users]
        prints = [print_ for user in users for print_ in user.certificates]
        if len(set(ids)) != len(ids) or len(set(prints)) != len(prints):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        policy = cls(users=users, rights=rights)
        if policy.as_json() != value:  # unsorted or doubled operations or roles
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        return policy


def _user(item: object) -> UserEntry:
    entry = Fields(item, ("user", "certificates", "roles"))
    roles = tuple(Role(_one_of(r, Role)) for r in entry.items("roles", len(Role), 1))
    if len(set(roles)) != len(roles):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    return UserEntry(
        user=entry.hex("user", ID_BYTES),
        certificates=tuple(
            Fields({"c": c}, ("c",)).hex("c", DIGEST_BYTES)
            for c in entry.items("certificates", _MAX_CERTIFICATES, 1)
        ),
        roles=roles,
    )


def _one_of(value: object, kind: type[Enum]) -> str:
    return Fields({"v": value}, ("v",)).text("v", "|".join(member.value for member in kind))
