"""Whether an address and a client folder can be used at all, before anybody is asked."""

from pathlib import Path
from urllib.parse import urlsplit

_NEEDED = (
    ("user.key", "your key"),
    ("user.pem", "your certificate"),
    ("policy.json", "the site's policy"),
)


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
        return "The address is not right. Write it as https://host:port."
    if parts.scheme != "https":
        return "The address must begin with https://."
    if "@" in parts.netloc:
        return "Take user and password out of the address: your certificate is your login."
    if not parts.hostname or port == 0 or any(mark.isspace() for mark in text):
        return "The address needs a host: https://host:port."
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "The address ends after host and port: https://host:port."
    return ""


def home_problem(home: Path) -> str:
    """Return what a client folder lacks, and what to do; empty if it lacks nothing."""
    missing = [words for name, words in _NEEDED if not (home / name).is_file()]
    if not missing:
        return ""
    return (
        f"The client folder lacks {', '.join(missing)}. Enroll this workstation with the command"
        " line (encryptsecurert enroll), or choose another folder under Advanced."
    )
