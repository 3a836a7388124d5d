"""Whether an address and a client folder can be used at all, before anybody is asked."""

from pathlib import Path
from urllib.parse import urlsplit

from EncryptSecureRTLib.panel.words import _

HOME_FILES = {
    "user.key": _("your key"),
    "user.pem": _("your certificate"),
    "policy.json": _("the site's policy"),
}


def url_problem(text: str) -> str:
    """Return what is wrong with an address, and what to do; empty if nothing is.

    >>> url_problem("https://worker.site:8443")
    ''
    >>> url_problem("http://worker.site")
    'The address must begin with https://.'
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return _("The address is not right. Write it as https://host:port.")
    if parts.scheme != "https":
        return _("The address must begin with https://.")
    if "@" in parts.netloc:
        return _("Take user and password out of the address: your certificate is your login.")
    if not parts.hostname or port == 0 or any(mark.isspace() for mark in text):
        return _("The address needs a host: https://host:port.")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return _("The address ends after host and port: https://host:port.")
    return ""


def home_problem(home: Path) -> str:
    """Return what a client folder lacks, and what to do; empty if it lacks nothing."""
    missing = [words for name, words in HOME_FILES.items() if not (home / name).is_file()]
    if not missing:
        return ""
    words = _(
        "The client folder lacks {things}. Enroll this workstation with the command line"
        " (encryptsecurert enroll), or choose another folder under Advanced."
    )
    return words.format(things=", ".join(missing))
