"""What belongs to the user and not to a scene: kept in Slicer's settings, without any secret.

    EncryptSecureRT/url            the worker's address
    EncryptSecureRT/urls           the last eight addresses, newest first
    EncryptSecureRT/home           the client folder, if it is not the command line's own
    EncryptSecureRT/patienceS      how long a worker that is away is waited for
    EncryptSecureRT/exportFolder   where results were saved last
    EncryptSecureRT/consents       for which address and policy sending was allowed

Values come back as text or in lists of one, by backend: `_text` and `_number` read them all.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from EncryptSecureRTLib.client.folder import default_home

PREFIX = "EncryptSecureRT/"
MOST_URLS = 8
DEFAULT_PATIENCE_S = 120
_LONGEST_PATIENCE_S = 24 * 3600


class Store(Protocol):
    """Slicer's settings, as far as we use them (`QSettings`)."""

    def value(self, key: str) -> object:
        """Return a value, or None."""

    def setValue(self, key: str, value: object) -> None:  # noqa: N802 - Qt's name
        """Keep a value."""

    def remove(self, key: str) -> None:
        """Forget a value."""


class Settings:
    """The user's settings, typed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def url(self) -> str:
        """The worker's address, empty at first."""
        return self._text("url")

    @property
    def urls(self) -> tuple[str, ...]:
        """Addresses that were used, the newest first."""
        return tuple(url for url in self._text("urls").split("\n") if url)[:MOST_URLS]

    def use_url(self, url: str) -> None:
        """Keep an address as the present one and the newest of the list."""
        self._store.setValue(PREFIX + "url", url)
        others = [known for known in self.urls if known != url]
        self._store.setValue(PREFIX + "urls", "\n".join([url, *others][:MOST_URLS]))

    @property
    def home(self) -> Path:
        """The client folder: the command line's own unless another was chosen."""
        text = self._text("home")
        return Path(text) if text else default_home()

    @home.setter
    def home(self, path: Path) -> None:
        self._store.setValue(PREFIX + "home", str(path))

    def forget_home(self) -> None:
        """Use the command line's own folder again."""
        self._store.remove(PREFIX + "home")

    @property
    def patience_s(self) -> int:
        """How long a worker that is away is waited for."""
        text = self._text("patienceS")
        number = int(text) if text.isascii() and text.isdigit() else DEFAULT_PATIENCE_S
        return min(number, _LONGEST_PATIENCE_S)

    @patience_s.setter
    def patience_s(self, seconds: int) -> None:
        self._store.setValue(PREFIX + "patienceS", str(seconds))

    @property
    def export_folder(self) -> str:
        """Where results were saved last."""
        return self._text("exportFolder")

    @export_folder.setter
    def export_folder(self, path: str) -> None:
        self._store.setValue(PREFIX + "exportFolder", path)

    def may_send(self, url: str, policy: bytes) -> bool:
        """Tell whether the user has allowed sending to this address under this policy."""
        return _consent(url, policy) in self._consents()

    def allow_sending(self, url: str, policy: bytes) -> None:
        """Keep that the user has allowed it."""
        self._store.setValue(
            PREFIX + "consents", "\n".join([*self._consents(), _consent(url, policy)])
        )

    def withdraw_consents(self) -> None:
        """Ask again before anything is sent anywhere."""
        self._store.remove(PREFIX + "consents")

    def _consents(self) -> Sequence[str]:
        return self._text("consents").split()

    def _text(self, key: str) -> str:
        value = self._store.value(PREFIX + key)
        while isinstance(value, list | tuple):
            value = value[0] if len(value) == 1 else None
        return "" if value is None else str(value)


def _consent(url: str, policy: bytes) -> str:
    return hashlib.sha256(url.encode() + b"\0" + hashlib.sha256(policy).digest()).hexdigest()
