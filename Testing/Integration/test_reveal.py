"""Reveal over the wire: who sees what of which case, exact files, and what the auditor hears."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from Testing.Integration.clinic import EVERYBODY, Clinic, open_clinic
from Testing.Integration.command_lines import Run, run_client
from Testing.Integration.requests_of_a_panel import Message, ask_as, ask_into_file
from Testing.Integration.served import wait_until

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.reveals import RevealClass, classes_of
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import ChannelGate
from EncryptSecureRTLib.client.dicomfiles import split as split_module
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.listing import list_jobs
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.reveal import Reveal
from EncryptSecureRTLib.client.study_files import find_study


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with open_clinic(tmp_path_factory.mktemp("clinic")) as opened:
        opened.grant(*EVERYBODY[1:])  # all but the radiologist
        yield opened


def _ask(clinic: Clinic, role: Role, **members: object) -> tuple[Message, list[Message]]:
    """Ask for a reveal as a panel does; return the result and the lines before it."""
    home, url = clinic.people[role], clinic.hospital.url
    return ask_as(home, url, "reveal", source=clinic.study, **members)


def _refused(clinic: Clinic, role: Role, **members: object) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        _ask(clinic, role, **members)
    return refused.value.code


def _to_files(clinic: Clinic, role: Role, source: Path, out: Path) -> Run:
    words = ("reveal", source, out, "--url", clinic.hospital.url)
    return run_client(*words, home=clinic.people[role])


def _digests(folder: Path) -> list[str]:
    return sorted(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    )


def test_identity_is_shown_through_the_pipe_to_who_has_the_case(clinic: Clinic) -> None:
    original = dcmread(min(clinic.original.iterdir()))

    result, lines = _ask(clinic, Role.PHYSICIST, classes=["identity"])

    shown = [line for line in lines if line["kind"] == "revealed"]
    values = {row[1]: row[3] for row in shown[0]["rows"]}
    assert (values["PatientName"], values["PatientID"]) == (
        str(original.PatientName),
        original.PatientID,
    )
    assert len(shown) == result["instances"] == 5
    assert {line["instance"] for line in shown} == {
        path.stem for path in find_study(clinic.study).files
    }
    assert "StudyDate" not in values


@pytest.mark.parametrize("role", [Role.RADIATION_ONCOLOGIST, Role.PHYSICIST, Role.DOSIMETRIST])
def test_each_role_sees_its_classes_and_no_other(clinic: Clinic, role: Role) -> None:
    before, home, study = len(clinic.told()), clinic.people[role], find_study(clinic.study)

    seen: list[RevealClass] = []
    refusals: set[ErrorCode] = set()
    with clinic.hospital.channel(home) as channel:
        for kind in RevealClass:
            reveal = Reveal(channel, home, Watcher(), "display", [kind.value])
            try:
                assert reveal.run(study, lambda *_: None).instances == 5
                seen.append(kind)
            except EncryptSecureRTError as error:
                refusals.add(error.code)

    assert set(seen) == classes_of([role])
    assert refusals <= {ErrorCode.E_CASE}
    lines = clinic.told()[before:]
    assert [line.note for line in lines] == [f"display {kind.value}: 5" for kind in RevealClass]
    for kind, line in zip(RevealClass, lines, strict=True):
        told = ("revealed", "") if kind in seen else ("reveal-refused", "E_CASE")
        assert (line.event.value, line.code) == told
        assert (line.user, line.case) == (clinic.user(role), clinic.case)


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.RESEARCHER])
def test_a_role_without_the_operation_reveals_nothing(clinic: Clinic, role: Role) -> None:
    assert _refused(clinic, role, classes=["identity"]) is ErrorCode.E_FORBIDDEN


def test_a_case_that_is_not_shared_stays_closed_until_the_glass_is_broken(clinic: Clinic) -> None:
    radiologist = clinic.people[Role.RADIOLOGIST]
    before = len(clinic.told())
    closed = _refused(clinic, Role.RADIOLOGIST, classes=["identity"])
    words = ("--case", clinic.case, "--reason", "on call", "--url", clinic.hospital.url)
    glass = run_client("break-glass", *words, home=radiologist)

    result, _ = _ask(clinic, Role.RADIOLOGIST, classes=["identity"])

    assert (closed, glass.code, result["instances"]) == (ErrorCode.E_CASE, 0, 5)
    assert [(line.event.value, line.case) for line in clinic.told()[before:]] == [
        ("reveal-refused", clinic.case),
        ("revealed", clinic.case),
    ]
    core = clinic.hospital.service.core
    now = core.time.now()
    (grant,) = core.quotas.grants(clinic.user(Role.RADIOLOGIST), now)
    assert 0 < (grant.until - now).total_seconds() <= LIMITS.break_glass_s


def test_files_come_back_octet_for_octet_to_who_may_export(clinic: Clinic, tmp_path: Path) -> None:
    run = _to_files(clinic, Role.RADIATION_ONCOLOGIST, clinic.study, tmp_path / "back")

    assert run.result["instances"] == 5
    assert _digests(tmp_path / "back") == _digests(clinic.original)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    line = clinic.told()[-1]
    assert (line.event.value, line.case) == ("revealed", clinic.case)
    assert line.note.startswith("file ")


def test_one_series_folder_is_enough_since_the_manifest_lies_beside_it(
    clinic: Clinic, tmp_path: Path
) -> None:
    series = find_study(clinic.study).files[0].parent

    run = _to_files(clinic, Role.RADIATION_ONCOLOGIST, series, tmp_path / "back")

    assert _digests(tmp_path / "back") == _digests(clinic.original)
    assert run.code == 0


def test_files_are_refused_to_who_sees_the_case_but_may_not_export(
    clinic: Clinic, tmp_path: Path
) -> None:
    run = _to_files(clinic, Role.PHYSICIST, clinic.study, tmp_path / "back")

    assert (run.code, run.error["code"]) == (8, "E_CASE")
    assert list(tmp_path.iterdir()) == []


def test_values_go_neither_to_a_terminal_nor_into_a_file(clinic: Clinic, tmp_path: Path) -> None:
    home, url, lines = clinic.people[Role.PHYSICIST], clinic.hospital.url, tmp_path / "lines"
    told = len(clinic.told())
    to_words = run_client("reveal", clinic.study, "--url", url, home=home)
    code = ask_into_file(home, url, "reveal", lines, source=clinic.study)

    assert (to_words.code, to_words.error["code"], code) == (2, "E_USAGE", 2)
    assert len(clinic.told()) == told
    assert b"PatientName" not in lines.read_bytes()


def test_nothing_is_revealed_without_a_manifest(clinic: Clinic, tmp_path: Path) -> None:
    alone = tmp_path / "study" / "series"
    alone.mkdir(parents=True)
    for path in find_study(clinic.study).files:
        (alone / path.name).write_bytes(path.read_bytes())

    run = _to_files(clinic, Role.RADIATION_ONCOLOGIST, alone, tmp_path / "back")

    assert (run.code, run.error["code"]) == (9, "E_NOT_PROTECTED")


def test_one_changed_octet_refuses_all_with_the_same_words_as_a_closed_case(
    clinic: Clinic, tmp_path: Path
) -> None:
    study = find_study(clinic.study)
    copy = tmp_path / "study"
    for path in (*study.files, *study.manifests):
        target = copy / path.relative_to(clinic.study)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    victim = copy / study.files[2].relative_to(clinic.study)
    octets = bytearray(victim.read_bytes())
    octets[-1] ^= 1  # the last octet of the pixels
    victim.write_bytes(octets)

    changed = _to_files(clinic, Role.RADIATION_ONCOLOGIST, copy, tmp_path / "back")

    assert (changed.code, changed.error["code"]) == (8, "E_CASE")
    assert not (tmp_path / "back").exists()
    assert [(line.event.value, line.case) for line in clinic.told()[-2:]] == [
        ("revealed", clinic.case),
        ("reveal-refused", ""),
    ]


def test_batches_of_one_call_come_together_in_one_manifest(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_module, "_BATCH_INSTANCES", 2)
    home = clinic.people[Role.PHYSICIST]
    with clinic.hospital.channel(home) as channel:
        made = protect_series(channel, home, clinic.original, tmp_path / "p", Watcher())

    assert len(made.receipts) == 3
    assert len(made.manifests) == 1
    run = _to_files(clinic, Role.RADIATION_ONCOLOGIST, tmp_path / "p", tmp_path / "back")
    assert _digests(tmp_path / "back") == _digests(clinic.original)
    assert run.result["instances"] == 5


def test_one_attested_connection_serves_all_jobs_of_a_study(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_module, "_BATCH_INSTANCES", 2)
    attested: list[bytes] = []
    admit = ChannelGate.admit_certificate

    def admitted(gate: ChannelGate, certificate_der: bytes) -> None:
        attested.append(certificate_der)
        admit(gate, certificate_der)

    monkeypatch.setattr(ChannelGate, "admit_certificate", admitted)
    home = clinic.people[Role.PHYSICIST]
    with clinic.hospital.channel(home) as channel:
        reveal = Reveal(channel, home, Watcher(), "display", ["identity"])
        made = reveal.run(find_study(clinic.study), lambda *_: None)

    assert len(made.receipts) == 3
    assert len(attested) == 1


def test_the_jobs_of_a_study_that_was_stopped_all_end(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_module, "_BATCH_INSTANCES", 2)
    taken: list[str] = []
    home = clinic.people[Role.PHYSICIST]
    with clinic.hospital.channel(home) as channel:
        before = {row.job for row in list_jobs(channel)}
        reveal = Reveal(channel, home, Watcher(stopped=lambda: bool(taken)), "display", ["dates"])
        with pytest.raises(EncryptSecureRTError, match="E_CANCELLED"):
            reveal.run(find_study(clinic.study), lambda path, *_: taken.append(path.name))

        def both_ended() -> bool:
            states = [row.state for row in list_jobs(channel) if row.job not in before]
            return len(states) == 2 and all(state.ended for state in states)

        wait_until(both_ended)
    assert len(taken) == 1


def test_originals_are_removed_only_after_each_was_proved(clinic: Clinic, tmp_path: Path) -> None:
    originals = {}
    for who in ("may", "may-not"):
        originals[who] = tmp_path / who
        originals[who].mkdir()
        for path in clinic.original.iterdir():
            (originals[who] / path.name).write_bytes(path.read_bytes())
    url = ("--url", clinic.hospital.url, "--remove-original")

    removed = run_client(
        "protect",
        originals["may"],
        tmp_path / "p1",
        *url,
        home=clinic.people[Role.RADIATION_ONCOLOGIST],
    )
    kept = run_client(
        "protect",
        originals["may-not"],
        tmp_path / "p2",
        *url,
        home=clinic.people[Role.PHYSICIST],
    )

    assert removed.result["originals_removed"] == 5
    assert list(originals["may"].iterdir()) == []
    assert (kept.code, kept.error["code"]) == (8, "E_CASE")
    assert _digests(originals["may-not"]) == _digests(clinic.original)
    back = _to_files(clinic, Role.RADIATION_ONCOLOGIST, tmp_path / "p1", tmp_path / "back")
    assert back.code == 0
    assert _digests(tmp_path / "back") == _digests(clinic.original)


def test_a_reveal_of_another_user_is_not_there_for_the_next(clinic: Clinic) -> None:
    home = clinic.people[Role.PHYSICIST]
    result, lines = _ask(clinic, Role.PHYSICIST, classes=["identity"])
    job = next(line["job"] for line in lines if line["kind"] == "job")

    with (
        clinic.hospital.channel(clinic.people[Role.DOSIMETRIST]) as channel,
        pytest.raises(EncryptSecureRTError) as refused,
    ):
        channel.request("GET", f"/v1/results/{job}/revealed")

    assert refused.value.code is ErrorCode.E_NOT_FOUND
    assert result["instances"] == 5
    with clinic.hospital.channel(home) as channel:
        assert channel.request("GET", f"/v1/results/{job}/revealed").status_code == 200
