"""The checks of the module's self test; they raise AssertionError where something is not right."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from EncryptSecureRTLib.client.process import EncryptSecureRTError, ErrorCode

Segment = Callable[..., dict[str, object]]
"""`EncryptSecureRTLogic.segment`."""


def check_client_refuses_missing_series(segment: Segment) -> None:
    """Expect an error of the client's own: it starts, reads the request and answers."""
    with tempfile.TemporaryDirectory() as folder:
        missing = Path(folder, "missing")
        try:
            segment(
                ctFolder=missing,
                outputFolder=Path(folder, "out"),
                url="https://127.0.0.1:1",
                homeFolder=missing,
                structures=["body"],
            )
        except EncryptSecureRTError as error:
            if error.code is ErrorCode.E_INTERNAL:
                raise AssertionError("the client gave no answer") from error
        else:
            raise AssertionError("a missing series was accepted")
        if Path(folder, "out").exists():
            raise AssertionError("a refused job left an output folder")


def check_segmentation(segment: Segment, arguments: Mapping[str, Any]) -> None:
    """Segment with `arguments`; expect a result, progress before it, and files."""
    events: list[dict[str, object]] = []
    result = segment(**arguments, progress=events.append)
    if result["kind"] != "result":
        raise AssertionError("the answer is not a result")
    if not events:
        raise AssertionError("no event came before the result")
    if not any(Path(arguments["outputFolder"]).iterdir()):
        raise AssertionError("no file was written")
