"""A SIMULATED worker as a process of its own, and users whom it knows or knows no more."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stand import ProcessStand, release_octets

from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """The worker, and the client folders of its users.

    Attributes
    ----------
    revoked : one whom the worker knew, and knows no more.
    stranger : one whose policy, though the site's own, names another measurement.
    """

    stand: ProcessStand
    physicist: Path
    auditor: Path
    revoked: Path
    stranger: Path

    @property
    def url(self) -> str:
        """The worker's address."""
        return self.stand.url

    def open_case(self, pseudonym: str) -> None:
        """Let the physicist see this case, as the custodian does, and the worker know it."""
        self.stand.open_case(pseudonym, ClientHome(self.physicist))


@contextmanager
def open_clinic(folder: Path) -> Iterator[Clinic]:
    """Start the worker, and stop it at the end."""
    with ProcessStand(folder) as stand:
        physicist, auditor, revoked = stand.users([Role.PHYSICIST, Role.AUDITOR, Role.PHYSICIST])
        stand.site.revoke_user(revoked.user().user)
        stranger = _stranger(stand)
        stand.provision()
        yield Clinic(
            stand=stand,
            physicist=physicist.path,
            auditor=auditor.path,
            revoked=revoked.path,
            stranger=stranger,
        )


def _stranger(stand: ProcessStand) -> Path:
    facts = json.loads(release_octets(stand.provider))
    facts["mrenclave"] = "00" * 32
    octets = json.dumps(facts).encode()
    stand.site.set_policy(Release.decode(octets), stand.provider.collateral(), True)
    stand.site.withdraw_build(stand.provider.measurement)
    home = stand.user(Role.PHYSICIST)
    stand.set_policy()
    return home.path
