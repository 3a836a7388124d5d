"""The auditor's commands against a real worker: honest histories, older states brought back."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stand import PASSPHRASE
from Testing.Integration.hospital import Hospital, write_series

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.custodian.cli import main

Audit = Callable[..., tuple[int, dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A hospital with a physicist, an auditor, and a tiny series to run jobs on."""

    hospital: Hospital
    physicist: ClientHome
    auditor: ClientHome
    folder: Path

    def job(self, name: str) -> None:
        """Run a job, whose receipt the physicist's client archives."""
        with self.hospital.channel(self.physicist) as channel:
            series, out = self.folder / "series", self.folder / "out" / name
            protect_series(channel, self.physicist, series, out, Watcher())

    def stopped_copy(self, name: str) -> Path:
        """Stop the worker, copy its state folder aside, and start it again."""
        self.hospital.stop()
        copy = Path(shutil.copytree(self.hospital.state, self.folder / name))
        self.hospital.start()
        return copy

    def bring_back(self, copy: Path) -> None:
        """Stop the worker, put an older state folder into its place, and start it again."""
        self.hospital.stop()
        shutil.rmtree(self.hospital.state)
        shutil.copytree(copy, self.hospital.state)
        self.hospital.start()


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    write_series(tmp_path / "series")
    hospital = Hospital(tmp_path / "stand")
    physicist, auditor = hospital.users([Role.PHYSICIST, Role.AUDITOR])
    with hospital:
        hospital.provision()
        yield Clinic(hospital=hospital, physicist=physicist, auditor=auditor, folder=tmp_path)


@pytest.fixture
def audit(clinic: Clinic, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Run an auditor's command with --json; return the exit code and the result."""
    (clinic.folder / "passphrase").write_bytes(PASSPHRASE)
    key = clinic.hospital.folder / "site" / "auditor" / "auditor.key.sealed"
    passphrase = ("--passphrase-file", clinic.folder / "passphrase")
    reach = ("--home", clinic.auditor.path, "--key", key, *passphrase)
    log = ("--log", clinic.folder / "log", "--json")

    def run(command: str, *words: object, worker: bool = False) -> tuple[int, dict[str, Any]]:
        all_words = [command, *words, *log]
        if worker:
            all_words += ["--url", clinic.hospital.url, *reach]
        capsys.readouterr()
        code = main(["audit", *[str(word) for word in all_words]])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (result,) = [line for line in lines if line["kind"] == "result"]
        return code, result

    return run


def _found(result: dict[str, Any]) -> list[str]:
    return [finding["finding"] for finding in result["findings"]]


def test_an_honest_history_is_intact_over_restarts_and_bears_out_all_receipts(
    clinic: Clinic, audit: Audit
) -> None:
    clinic.job("one")
    first = audit("fetch", worker=True)
    clinic.hospital.restart()
    clinic.job("two")

    second = audit("fetch", worker=True)
    receipts = ("--receipts", clinic.physicist.receipts_path)
    offline = audit("verify", *receipts)
    online = audit("verify", *receipts, worker=True)

    assert [code for code, _ in (first, second, offline, online)] == [0, 0, 0, 0]
    assert _found(online[1]) == ["intact"]
    assert online[1]["receipts"] == 2
    assert second[1]["lines"] > first[1]["lines"]
    assert online[1]["events"][AuditEvent.JOB_FINISHED.value] == 2
    assert online[1]["events"][AuditEvent.STARTED.value] >= 1


def test_the_log_says_who_did_what(clinic: Clinic, audit: Audit) -> None:
    clinic.job("one")
    audit("fetch", worker=True)

    _, shown = audit("show", "--user", clinic.physicist.user().user)

    said = [line["said"] for line in shown["lines"]]
    assert said[0] == "sent a job"
    assert "the job finished, with a receipt" in said
    assert "fetched a result" in said


def test_an_older_state_brought_back_is_rolled_back_with_the_last_common_line(
    clinic: Clinic, audit: Audit
) -> None:
    clinic.job("one")
    copy = clinic.stopped_copy("older")
    clinic.job("two")
    before, held = audit("fetch", worker=True)
    clinic.bring_back(copy)
    clinic.job("three")

    code, result = audit("fetch", worker=True)
    _, verified = audit("verify", "--receipts", clinic.physicist.receipts_path)

    assert (before, code) == (0, 13)
    assert _found(result) == ["rolled-back"]
    (finding,) = result["findings"]
    assert finding["common"] + finding["left_behind"] == held["lines"]
    assert finding["common"] + finding["wrote"] == result["lines"]
    # The auditor has both histories, so every receipt is borne out by one of them.
    assert _found(verified) == ["rolled-back"]
    assert verified["receipts"] == 3


def test_a_rollback_that_no_fetch_saw_is_told_by_a_receipt(clinic: Clinic, audit: Audit) -> None:
    clinic.job("one")
    copy = clinic.stopped_copy("older")
    clinic.job("lost")
    clinic.bring_back(copy)
    clinic.job("three")
    fetched, _ = audit("fetch", worker=True)

    code, result = audit("verify", "--receipts", clinic.physicist.receipts_path, worker=True)

    assert (fetched, code) == (0, 13)
    assert _found(result) == ["forked"]
    (finding,) = result["findings"]
    assert "fork or rollback" in finding["sentence"]


def test_a_new_state_folder_is_a_reset(clinic: Clinic, audit: Audit) -> None:
    clinic.job("one")
    audit("fetch", worker=True)
    hospital = clinic.hospital
    hospital.stop()
    for path in hospital.state.iterdir():
        if path.name.startswith("SIMULATED"):  # the platform's keys are not the worker's state
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    hospital.start()
    hospital.provision()

    code, result = audit("fetch", worker=True)
    _, verified = audit("verify", "--receipts", clinic.physicist.receipts_path)

    assert code == 13
    assert _found(result) == _found(verified) == ["reset"]


def test_whoever_is_no_auditor_gets_no_line(clinic: Clinic) -> None:
    with clinic.hospital.channel(clinic.physicist) as channel:
        with pytest.raises(EncryptSecureRTError) as refusal:
            channel.request("GET", "/v1/audit?after=0")

    assert refusal.value.code is ErrorCode.E_FORBIDDEN
