"""A hospital in which studies are revealed: people of several roles, and one protected patient."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from Testing.Integration.audited import audit_lines
from Testing.Integration.hospital import Hospital, write_series

from encryptsecurert_protocol.audit import AuditLine
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series

EVERYBODY = (
    Role.RADIOLOGIST,
    Role.RADIATION_ONCOLOGIST,
    Role.PHYSICIST,
    Role.DOSIMETRIST,
    Role.TECHNICIAN,
    Role.RESEARCHER,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A hospital, one user of each role, and a study that the physicist protected.

    Attributes
    ----------
    study : the folder that holds the protected series and its manifest.
    """

    hospital: Hospital
    people: dict[Role, ClientHome]
    original: Path
    study: Path
    case: str

    def grant(self, *roles: Role) -> None:
        """Open the case to the users of these roles, and let the worker know."""
        self.hospital.open_case(self.case, *(self.people[role] for role in roles))

    def user(self, role: Role) -> str:
        """Return the id of the user of a role."""
        return self.people[role].user().user

    def told(self) -> list[AuditLine]:
        """Return the audit lines about reveals, opened with the auditor's key."""
        lines = audit_lines(self.hospital)
        return [line for line in lines if line.event.value.startswith("reveal")]


@contextmanager
def open_clinic(folder: Path) -> Iterator[Clinic]:
    """Open such a hospital; nobody has the case yet."""
    original = write_series(folder / "original", slices=5)
    hospital = Hospital(folder / "stand")
    people = dict(zip(EVERYBODY, hospital.users(EVERYBODY), strict=True))
    with hospital:
        hospital.provision()
        home = people[Role.PHYSICIST]
        with hospital.channel(home) as channel:
            made = protect_series(channel, home, original, folder / "protected", Watcher())
        case = str(dcmread(next(made.folder.iterdir()), stop_before_pixels=True).PatientID)
        yield Clinic(
            hospital=hospital,
            people=people,
            original=original,
            study=folder / "protected",
            case=case,
        )
