"""The custodian's own client folder, and how its certificate is renewed without locking it out.

A worker lists the custodian's new certificate only once it has the bundle that names it, which
somebody must bring. So the folder keeps two identities: `user.key`, `user.pem` the newest, and
`previous.key`, `previous.pem` the one before it. A worker that refuses the first gets its bundle
over the second.

The files are placed before the state that lists them is committed: a cut in between leaves an
identity that no bundle lists, and the previous one works on.
"""

import contextlib
from collections.abc import Callable, Container
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.channel import Channel, open_channel
from EncryptSecureRTLib.client.home import ClientHome, UserIdentity
from EncryptSecureRTLib.custodian.certificates import certificate_pem
from EncryptSecureRTLib.custodian.disk import write_files
from EncryptSecureRTLib.custodian.site_keys import private_pem

_REFUSED = (ErrorCode.E_USER_CERTIFICATE, ErrorCode.E_USER_KEY)
_Result = TypeVar("_Result")


class PreviousHome(ClientHome):
    """The same folder with the identity before the newest."""

    @property
    def key_path(self) -> Path:
        """The earlier private key, PEM."""
        return self.path / "previous.key"

    @property
    def certificate_path(self) -> Path:
        """The earlier certificate, PEM."""
        return self.path / "previous.pem"


def place_identity(
    home: ClientHome, key: ec.EllipticCurvePrivateKey, certificate: bytes, usable: Container[str]
) -> None:
    """Make a key and certificate (DER) the newest identity of the custodian's folder.

    What becomes the previous one is an identity whose fingerprint is `usable`: an interrupted
    renewal may have left one that no bundle will ever list.
    """
    kept = next((i for i in _identities(home) if i.fingerprint in usable), None)
    if kept is not None:
        _write(PreviousHome(home.path), kept.key, kept.certificate_der)
    _write(home, key, certificate)


def _identities(home: ClientHome) -> list[UserIdentity]:
    found = []
    for either in (home, PreviousHome(home.path)):
        with contextlib.suppress(EncryptSecureRTError):
            found.append(either.user())
    return found


def _write(home: ClientHome, key: ec.EllipticCurvePrivateKey, certificate: bytes) -> None:
    files = {
        home.key_path.name: private_pem(key),
        home.certificate_path.name: certificate_pem(certificate),
    }
    write_files(home.path, files, replace=True)


def over_own_channel(home: ClientHome, url: str, action: Callable[[Channel], _Result]) -> _Result:
    """Do something over an attested channel, with whichever of the two identities is let in.

    The newest is tried once more at the end: the previous one may have brought the very bundle
    that revokes it. So `action` may run again, and must not mind.
    """
    previous = PreviousHome(home.path)
    others = [previous, home] if previous.has_user() else []
    for each in (home, *others):
        try:
            with open_channel(each, url, allow_unprovisioned=True) as channel:
                return action(channel)
        except EncryptSecureRTError as error:
            refusal = error
            if error.code not in _REFUSED:
                raise
    raise refusal
