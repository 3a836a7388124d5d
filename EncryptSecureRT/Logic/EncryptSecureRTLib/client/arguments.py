"""The command line of `encryptsecurert`, and the same as one JSON request.

Settings come from flags or the request, then from the environment; the worker's address last from
`config.json` in the home folder.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.dose_asked import DoseAsked
from EncryptSecureRTLib.client.folder import default_home
from EncryptSecureRTLib.client.measurement_asked import MeasurementAsked
from EncryptSecureRTLib.client.options import make_parser
from EncryptSecureRTLib.client.pacs.asked import PacsAsked
from EncryptSecureRTLib.client.plan_asked import PlanAsked
from EncryptSecureRTLib.client.protect_choices import Dates, Pictures, ProtectChoices
from EncryptSecureRTLib.client.structures import OUTPUTS, STRUCTURES
from EncryptSecureRTLib.client.unfinished import is_job_id

_PATIENCE_S = 120
_LONGEST_PATIENCE_S = 7 * 24 * 3600  # as long as a worker keeps results


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One command with its settings, wherever they came from."""

    command: str
    home: Path
    url: str = ""
    url_asked: str = ""  # from the words or the request: it goes before what an order says
    json: bool = False
    debug: bool = False
    from_request: bool = False
    unsafe_allow_simulated: bool = False
    source: Path | None = None
    volume: Path | None = None
    out: Path | None = None
    display: Path | None = None
    structures: Sequence[str] = STRUCTURES
    outputs: Sequence[str] = OUTPUTS
    preview: Path | None = None
    accept: Path | None = None
    collateral: Path | None = None
    job: str = ""
    case: str = ""
    reason: str = ""
    tell_uids: bool = False
    first_only: bool = False
    remove_original: bool = False
    report: Path | None = None
    dates: str = Dates.REMOVE.value
    pictures: str = Pictures.REFUSE.value
    all_or_nothing: bool = False
    classes: Sequence[str] = ()
    offer: bool = False
    detach: bool = False
    no_wait: bool = False
    patience_s: int = _PATIENCE_S
    pacs: PacsAsked = PacsAsked()  # noqa: RUF009 - it is frozen
    dose: DoseAsked = DoseAsked()  # noqa: RUF009 - it is frozen
    plan: PlanAsked = PlanAsked()  # noqa: RUF009 - it is frozen
    measurement: MeasurementAsked = MeasurementAsked()  # noqa: RUF009 - it is frozen

    def need_url(self) -> str:
        """Return the worker's address, or refuse with E_USAGE."""
        if not self.url:
            raise EncryptSecureRTError(ErrorCode.E_USAGE, "the worker's --url is missing")
        return self.url

    def need_source(self) -> Path:
        """Return the input's path, or refuse with E_USAGE."""
        if self.source is None:
            raise EncryptSecureRTError(ErrorCode.E_USAGE, "the input is missing")
        return self.source

    def need_out(self) -> Path:
        """Return the output folder, or refuse with E_USAGE."""
        if self.out is None:
            raise EncryptSecureRTError(ErrorCode.E_USAGE, "the output folder is missing")
        return self.out

    def protect_choices(self) -> ProtectChoices:
        """Return how a study is to be protected."""
        return ProtectChoices(
            dates=Dates(self.dates),
            pictures=Pictures(self.pictures),
            all_or_nothing=self.all_or_nothing,
        )

    def need_job(self) -> str:
        """Return the job's id, or refuse with E_USAGE."""
        if not self.job:
            raise EncryptSecureRTError(ErrorCode.E_USAGE, "the job's id is missing")
        if not is_job_id(self.job):
            detail = "a job id has 32 characters, 0-9 and a-f"
            raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
        return self.job


def parse(argv: Sequence[str]) -> Invocation:
    """Return the invocation that arguments, environment and request stand for.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE for anything that is not understood.
    """
    options = vars(make_parser(argv).parse_args(argv))
    asked = {n: value for n, value in options.items() if value is not None and value is not False}
    from_request = asked.pop("request", None) is not None
    if from_request:
        asked.update(_requested(asked["command"]))
    home = Path(asked.pop("home", None) or default_home())
    if "patience_s" in options:
        asked["patience_s"] = _patience_s(asked.get("patience_s"))
    told = asked.pop("url", "")
    url = told or os.environ.get("ENCRYPTSECURERT_URL") or _configured_url(home)
    return Invocation(
        home=home,
        url=url,
        url_asked=told,
        from_request=from_request,
        pacs=PacsAsked.take(asked),
        dose=DoseAsked.take(asked),
        plan=PlanAsked.take(asked),
        measurement=MeasurementAsked.take(asked),
        **asked,
    )


def _requested(command: str) -> dict[str, Any]:
    from encryptsecurert_protocol.reveals import RevealClass
    from EncryptSecureRTLib.client.requestline import read_request

    classes = [one.value for one in RevealClass]
    choices = {"structures": STRUCTURES, "outputs": OUTPUTS, "classes": classes}
    return read_request(command, choices)


def _patience_s(asked: int | None) -> int:
    told = os.environ.get("ENCRYPTSECURERT_PATIENCE", "")
    if asked is None and told:
        if not (told.isascii() and told.isdecimal()) or len(told) > len(str(_LONGEST_PATIENCE_S)):
            raise _bad_patience()
        asked = int(told)
    if asked is None:
        return _PATIENCE_S
    if not 0 <= asked <= _LONGEST_PATIENCE_S:
        raise _bad_patience()
    return asked


def _bad_patience() -> EncryptSecureRTError:
    detail = f"patience is 0 to {_LONGEST_PATIENCE_S} seconds"
    return EncryptSecureRTError(ErrorCode.E_USAGE, detail)


def _configured_url(home: Path) -> str:
    try:
        value = json.loads((home / "config.json").read_bytes()[: LIMITS.json_line_bytes])
        return str(value["url"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "config.json cannot be read") from None
