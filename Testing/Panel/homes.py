"""Client folders with one thing wrong, made by their site's own keys where that needs them."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.signatures import Label, sign
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.certificates import Validity, certificate_pem, issue_user
from EncryptSecureRTLib.custodian.site import Site


def copy_of(home: Path, place: Path) -> ClientHome:
    """Return a copy of a client folder, with a memory of its own from here on."""
    shutil.copytree(home, place)
    return ClientHome(place)


def with_policy(home: ClientHome, site: Site, changes: Mapping[str, Any]) -> Path:
    """Let the folder hold another policy, which the site has signed; return the folder."""
    policy = canonical.decode(home.policy()[0], LIMITS.policy_bytes)
    octets = canonical.encode({**policy, "version": policy["version"] + 1, **changes})
    (home.path / "policy.json").write_bytes(octets)
    signature = sign(site._keys.site_signing, Label.POLICY, octets)
    (home.path / "policy.json.sig").write_bytes(signature)
    return home.path


def with_expired_policy(home: ClientHome, site: Site) -> Path:
    """Let the policy have ended yesterday."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    changes = {
        "not_before": f"{yesterday - timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}",
        "not_after": f"{yesterday:%Y-%m-%dT%H:%M:%SZ}",
    }
    return with_policy(home, site, changes)


def with_expired_certificate(home: ClientHome, site: Site) -> Path:
    """Let the user's own certificate have ended yesterday."""
    user, now = home.user(), datetime.now(UTC).replace(microsecond=0)
    validity = Validity(not_before=now - timedelta(days=9), not_after=now - timedelta(days=1))
    expired = issue_user(
        site._keys.user_ca, site.state.user_ca, user.user, user.key.public_key(), validity
    )
    home.certificate_path.write_bytes(certificate_pem(expired))
    return home.path
