"""Ctrl-C, SIGTERM, a closed request and a kill in mid-pull: no original stays on this computer."""

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from Testing.Integration import hostile_pacs
from Testing.Integration.clinic import Clinic
from Testing.Integration.command_lines import CLIENT, Run, run_of
from Testing.Integration.planted import found_below
from Testing.Integration.served import wait_until

from encryptsecurert_protocol.rights import Role

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


class _Slow:
    """A PACS that gives two instances of the clinic's study, and the others when it is let."""

    def __init__(self, clinic: Clinic) -> None:
        self._files = sorted(clinic.original.iterdir())
        self.go_on = threading.Event()
        first = dcmread(self._files[0], stop_before_pixels=True)
        self.study, self.needle = str(first.StudyInstanceUID), str(first.PatientID)

    def handlers(self) -> dict[str, Any]:
        return {"find": hostile_pacs.finding(*self._files, study=self.study), "get": self._get}

    def _get(self, event: Any) -> Iterator[Any]:
        yield len(self._files)
        for number, path in enumerate(self._files):
            if number == 2:
                self.go_on.wait(20)
            yield 0xFF00, dcmread(path)


def _start(clinic: Clinic, words: tuple[str, str], study: str, folder: Path) -> Any:
    """Start a pull as a program does, and wait until two instances are here."""
    (folder / "private").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [*CLIENT, "pacs", "pull", "--json", "--request", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder / "private")},
    )
    request = {
        "home": str(clinic.people[Role.PHYSICIST].path),
        "url": clinic.hospital.url,
        "dimse": words[1],
        "study": study,
        "out": str(folder / "out"),
    }
    assert process.stdin is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    wait_until(lambda: len(list((folder / "private").glob("*/study/0*.dcm"))) == 2)
    return process


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "stdin"])
def test_a_stop_in_mid_pull_leaves_no_original(clinic: Clinic, tmp_path: Path, how: str) -> None:
    slow = _Slow(clinic)
    with hostile_pacs.entity(**slow.handlers()) as words:
        process = _start(clinic, words, slow.study, tmp_path)
        here = found_below([slow.needle], tmp_path / "private")
        if how == "stdin":
            process.stdin.close()
            process.stdin = None
        else:
            process.send_signal(getattr(signal, how))
        stdout, stderr = process.communicate(timeout=20)
        slow.go_on.set()

    run = run_of(process.returncode, stdout, stderr)
    assert len(here) == 2  # the originals that were there
    assert (run.code, run.error["code"], run.stderr) == (12, "E_CANCELLED", "")
    assert list((tmp_path / "private").iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_after_a_kill_the_next_run_removes_what_it_left(clinic: Clinic, tmp_path: Path) -> None:
    slow = _Slow(clinic)
    with hostile_pacs.entity(**slow.handlers()) as words:
        process = _start(clinic, words, slow.study, tmp_path)
        process.kill()
        process.communicate(timeout=20)
        left = found_below([slow.needle], tmp_path / "private")
        slow.go_on.set()

        run = _echo(clinic, words, tmp_path / "private")

    assert len(left) == 2
    assert run.code == 0
    assert list((tmp_path / "private").iterdir()) == []


def _echo(clinic: Clinic, words: tuple[str, str], private: Path) -> Run:
    home = ("--home", str(clinic.people[Role.PHYSICIST].path), "--json")
    done = subprocess.run(
        [*CLIENT, "pacs", "echo", *words, *home],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "TMPDIR": str(private)},
    )
    return run_of(done.returncode, done.stdout, done.stderr)


def test_a_stop_in_mid_push_says_what_the_pacs_has(clinic: Clinic, tmp_path: Path) -> None:
    third, go_on = threading.Event(), threading.Event()
    stored: list[str] = []

    def store(event: Any) -> int:
        stored.append(event.request.AffectedSOPInstanceUID)
        if len(stored) == 3:
            third.set()
            go_on.wait(20)
        return 0

    home = ("--home", str(clinic.people[Role.PHYSICIST].path), "--json")
    with hostile_pacs.entity(store=store) as words, contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [*CLIENT, "pacs", "push", str(clinic.study), *words, *home],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        assert third.wait(20)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=20)
        go_on.set()

    run = run_of(process.returncode, stdout, stderr)
    assert (run.code, run.error["code"], run.stderr) == (12, "E_CANCELLED", "")
    assert "keeps what it has taken" in run.error["what"]
    assert len(stored) == 3
