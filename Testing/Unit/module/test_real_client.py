"""The command line of the project as the child: the two sides of the pipe agree."""

import time
from pathlib import Path

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.process import ClientProcess, Message, client_argv, run_client


def _request(folder: Path) -> Message:
    return {
        "command": "segment",
        "series": str(folder / "missing"),
        "out": str(folder / "out"),
        "url": "https://127.0.0.1:1",
        "home": str(folder / "home"),
        "structures": ["body"],
        "outputs": ["rtstruct", "seg"],
    }


def test_refusal_comes_as_one_line_and_as_the_exit_code_of_its_family(tmp_path: Path) -> None:
    with ClientProcess(client_argv("segment"), _request(tmp_path)) as running:
        messages: list[Message] = []
        end = time.monotonic() + 30
        while not running.finished:
            assert time.monotonic() < end
            messages += running.poll()
        exit_code = running.wait(10)

    assert [message["kind"] for message in messages][-1] == "error"
    assert exit_code == messages[-1]["exit"] != ErrorCode.E_INTERNAL.value.exit_code
    assert running.malformed_lines == 0
    assert not (tmp_path / "out").exists()


def test_request_that_it_does_not_know_is_a_usage_error(tmp_path: Path) -> None:
    request = _request(tmp_path) | {"unknown": 1}

    with pytest.raises(EncryptSecureRTError) as raised:
        run_client(client_argv("segment"), request)

    assert raised.value.code is ErrorCode.E_USAGE
