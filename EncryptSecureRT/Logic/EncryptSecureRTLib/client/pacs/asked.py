"""The words of `encryptsecurert pacs`, and what they ask for.

    pacs echo --dimse PACS@host:104                 does it answer?
    pacs find --dicomweb https://host/dicom-web     which studies does it hold?
    pacs pull ... --study UID --out DIR             a study, protected on the way
    pacs push DIR ...                               protected objects, and nothing else

Credentials have no word: they come from a file that only its owner reads, or the environment.
Light, since the parser of the command line reads it.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.protect_choices import DATES, PICTURES

if TYPE_CHECKING:
    from EncryptSecureRTLib.client.pacs.address import DimsePeer
    from EncryptSecureRTLib.client.pacs.model import Query

MARK = "pacs_"
"""Before the name of each setting of these commands, in the parser and in request lines."""

OUR_TITLE = "ENCRYPTSECURERT"
_TIMEOUT_S = 60
_LONGEST_TIMEOUT_S = 3600
AddCommand = Callable[..., None]


def _usage(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_USAGE, detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacsAsked:
    """What the words or the request say of a PACS; nothing of it is checked yet.

    Attributes
    ----------
    action : echo, find, pull or push.
    move_port : where our own storage SCP listens for C-MOVE; 0 for none.
    """

    action: str = ""
    dimse: str = ""
    dicomweb: str = ""
    calling: str = OUR_TITLE
    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    credentials: Path | None = None
    allow_http: bool = False
    timeout_s: int = _TIMEOUT_S
    study: str = ""
    patient: str = ""
    modality: str = ""
    move_port: int = 0
    protect: bool = False

    @classmethod
    def take(cls, asked: dict[str, Any]) -> "PacsAsked":
        """Take the settings with the mark out of all that were asked for."""
        ours = {name: asked.pop(name) for name in list(asked) if name.startswith(MARK)}
        return cls(**{name.removeprefix(MARK): value for name, value in ours.items()})

    def peer(self) -> "DimsePeer | None":
        """Return the application entity to speak to, None if it is a DICOMweb service.

        Raises
        ------
        EncryptSecureRTError
            E_USAGE if not exactly one of the two is named, or a setting is of the other.
        """
        from EncryptSecureRTLib.client.pacs.address import parse_peer

        if bool(self.dimse) == bool(self.dicomweb):
            raise _usage("name a PACS by --dimse or by --dicomweb")
        if not self.dimse:
            if self.tls or self.move_port or self.calling != OUR_TITLE:
                raise _usage("--tls, --calling and --move-port are of --dimse")
            return None
        if self.credentials is not None or self.allow_http:
            raise _usage("--credentials and --unsafe-allow-http are of --dicomweb")
        if not self.tls and (self.ca or self.cert or self.key):
            raise _usage("certificates over --dimse need --tls")
        return parse_peer(self.dimse)

    def base_url(self) -> str:
        """Return the DICOMweb address (E_USAGE)."""
        from EncryptSecureRTLib.client.pacs.address import parse_base_url

        return parse_base_url(self.dicomweb, allow_http=self.allow_http)

    def our_title(self) -> str:
        """Return our AE title (E_USAGE)."""
        from EncryptSecureRTLib.client.pacs.address import checked_title

        return checked_title(self.calling)

    def listening_port(self) -> int:
        """Return the port for C-MOVE, 0 for none (E_USAGE)."""
        from EncryptSecureRTLib.client.pacs.address import checked_port

        return checked_port(str(self.move_port)) if self.move_port else 0

    def patience_s(self) -> int:
        """Return how long an answer is waited for (E_USAGE)."""
        if not 1 <= self.timeout_s <= _LONGEST_TIMEOUT_S:
            raise _usage(f"--timeout is 1 to {_LONGEST_TIMEOUT_S} seconds")
        return self.timeout_s

    def need_study(self) -> str:
        """Return the StudyInstanceUID (E_USAGE)."""
        from EncryptSecureRTLib.client.pacs.model import is_uid

        if not is_uid(self.study):
            raise _usage("--study is a StudyInstanceUID")
        return self.study

    def query(self) -> "Query":
        """Return what to look for (E_USAGE).

        A patient is a pseudonym: names and numbers of people do not belong on a command line.
        """
        from EncryptSecureRTLib.client.pacs.model import Query, is_modality, is_pseudonym

        if self.patient and not is_pseudonym(self.patient):
            raise _usage("--patient is a pseudonym: P and 16 of A-Z and 2-7")
        if self.modality and not is_modality(self.modality):
            raise _usage("--modality is a word such as CT")
        study = self.need_study() if self.study else ""
        return Query(pseudonym=self.patient, study=study, modality=self.modality)


def add_pacs(
    add: AddCommand, common: argparse.ArgumentParser, worker: argparse.ArgumentParser
) -> None:
    """Add the actions; `add(name, parents, does, examples, describe)` has one described."""
    place = ("--dimse PACS@host:104", "--dicomweb https://host/dicom-web")
    link = _link()
    add("echo", [common, link], "does the PACS answer?", [f"pacs echo {place[0]}"])
    add(
        "find",
        [common, link],
        "list studies by UID, modalities and number of instances",
        [f"pacs find {place[0]} --modality CT", f"pacs find {place[1]}"],
        _describe_find,
    )
    add(
        "pull",
        [common, worker, link],
        "get a study, have it protected, and keep the protected copy only",
        [f"pacs pull {word} --study 1.2.3 --out protected/" for word in place],
        _describe_pull,
    )
    add(
        "push",
        [common, worker, link],
        "send protected objects; originals are refused",
        [f"pacs push protected/ {place[0]}", f"pacs push original/ --protect {place[1]}"],
        _describe_push,
    )


def _describe_find(find: argparse.ArgumentParser) -> None:
    _say(find, "--patient", metavar="P...", help="of this pseudonym")
    _say(find, "--study", metavar="UID", help="this study")
    _say(find, "--modality", metavar="CT", help="with a series of this kind")


def _describe_pull(pull: argparse.ArgumentParser) -> None:
    _say(pull, "--study", metavar="UID", help="StudyInstanceUID")
    pull.add_argument("--out", type=Path, metavar="DIR", help="folder for the protected copy")
    _say(
        pull,
        "--move-port",
        type=int,
        metavar="PORT",
        help="where C-GET is not answered: have C-MOVE send to --calling, which listens here",
    )
    _add_choices(pull)


def _describe_push(push: argparse.ArgumentParser) -> None:
    push.add_argument(
        "source", type=Path, nargs="?", metavar="SRC", help="folder with a protected study"
    )
    _say(
        push,
        "--protect",
        action="store_true",
        help="SRC holds originals: protect them into a private folder first, and send that",
    )
    _add_choices(push)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """Add how files are protected: the words are those of `protect`."""
    parser.add_argument("--dates", choices=DATES, help="as in `protect`")
    parser.add_argument("--pictures", choices=PICTURES, help="as in `protect`")
    parser.add_argument(
        "--all-or-nothing", action="store_true", help="keep nothing if a file cannot be protected"
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="as in `protect`; a study that is protected already gets none",
    )


def _link() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("PACS")
    _say(group, "--dimse", metavar="AET@HOST:PORT", help="over DIMSE; plain, unless --tls")
    _say(group, "--dicomweb", metavar="URL", help="over DICOMweb, https")
    _say(group, "--calling", metavar="AET", help=f"our AE title ({OUR_TITLE})")
    _say(group, "--tls", action="store_true", help="DIMSE over TLS, certificate verified")
    _say(group, "--ca", type=Path, metavar="PEM", help="certificate authority of the PACS")
    _say(group, "--cert", type=Path, metavar="PEM", help="our TLS certificate, with --key")
    _say(group, "--key", type=Path, metavar="PEM", help="its key")
    _say(
        group,
        "--credentials",
        type=Path,
        metavar="FILE",
        help="for DICOMweb: mode 0600, one line, `basic USER:PASSWORD` or `bearer TOKEN`"
        " (ENCRYPTSECURERT_PACS_CREDENTIALS: the line itself)",
    )
    _say(
        group,
        "--unsafe-allow-http",
        action="store_true",
        dest="allow_http",
        help="DICOMweb without TLS to another computer: the network reads everything",
    )
    _say(
        group,
        "--timeout",
        type=int,
        metavar="SECONDS",
        dest="timeout_s",
        help=f"for each answer of the PACS ({_TIMEOUT_S}); nothing is tried twice",
    )
    return parser


def _say(parser: Any, word: str, *, dest: str = "", **settings: Any) -> None:
    """Add an option whose setting has the mark before its name."""
    name = dest or word.removeprefix("--").replace("-", "_")
    parser.add_argument(word, dest=MARK + name, default=None, **settings)


def request_members(
    readers: Mapping[str, Callable[[object], object]],
) -> dict[str, tuple[str, Callable[[object], object]]]:
    """Return the members of a request line: the words of the command line, typed.

    Parameters
    ----------
    readers : ``text``, ``path``, ``truth`` and ``count``, as the request line has them.
    """
    kinds: dict[str, Sequence[str]] = {
        "text": ("dimse", "dicomweb", "calling", "study", "patient", "modality"),
        "path": ("ca", "cert", "key", "credentials"),
        "truth": ("tls", "allow_http", "protect"),
        "count": ("timeout_s", "move_port"),
    }
    return {name: (MARK + name, readers[kind]) for kind, names in kinds.items() for name in names}
