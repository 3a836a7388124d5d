"""Names of folders and files come from a PACS: what would lead elsewhere is taken from nowhere."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom
import pytest
from Testing.Unit.protect.conftest import PIXELS, make_ct, request_of
from Testing.Unit.reveal.signing import SigningSite

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dicomfiles import split_protected
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.pacs.clearform import protected_form
from EncryptSecureRTLib.client.pacs.fitness import fit_files
from EncryptSecureRTLib.client.pacs.manifest_file import read_manifest
from EncryptSecureRTLib.client.pacs.model import Coming, Outgoing, Query, Stored, StudyRow
from EncryptSecureRTLib.client.pacs.pull import Hands, pull_study
from EncryptSecureRTLib.client.protect import ProtectedSeries

_MANIFEST = (0x0EEF, 0x1003)


@pytest.fixture(scope="module")
def signing() -> SigningSite:
    return SigningSite()


def _write_study(signing: SigningSite, folder: Path, series: str | None) -> str:
    """Write a protected file and its manifest; with a series, as who forges both.

    Returns
    -------
    str
        The StudyInstanceUID.
    """
    answer = signing.protector.protect(request_of(make_ct()))
    at = answer.bulk[0].at
    path, manifest_path = folder / "1.dcm", folder / "2.dcm"
    path.write_bytes(bytes(answer.header[:at]) + PIXELS + bytes(answer.header[at:]))
    manifest_path.write_bytes(signing.manifest([answer]))
    manifest, _ = read_manifest(manifest_path)
    if series is not None:
        dataset = pydicom.dcmread(path)
        dataset["SeriesInstanceUID"]._value = series  # pydicom would warn of it
        dataset.save_as(path)
        entry = protected_form(split_protected(path)).entry
        forged = replace(manifest, entries=(entry,)).encode()
        shell = pydicom.dcmread(manifest_path)
        shell[_MANIFEST].value = forged + b"\0" * (len(forged) & 1)
        shell.save_as(manifest_path)
    return manifest.study


@dataclass(frozen=True)
class _Forger:
    """A PACS that holds one study, with a series of its own naming."""

    signing: SigningSite
    series: str | None

    def echo(self) -> None:
        pass

    def find(self, query: Query) -> Sequence[StudyRow]:
        return []

    def coming(self, study: str) -> Coming:
        kinds: frozenset[str] = frozenset()
        return Coming(modalities=("CT", "OT"), instances=2, sop_classes=kinds, looks_protected=True)

    def fetch(self, study: str, coming: Coming, folder: Path, watcher: Watcher) -> int:
        _write_study(self.signing, folder, self.series)
        return 2

    def store(self, files: Sequence[Outgoing], watcher: Watcher) -> Sequence[Stored]:
        return []


def _never(source: Path, out: Path) -> ProtectedSeries:
    raise AssertionError


def _pull(forger: _Forger, study: str, folder: Path) -> Sequence[Path]:
    hands = Hands(attest=lambda: None, protect=_never, held=nullcontext, told=lambda coming: None)
    home = ClientHome(folder / "home")
    return pull_study(forger, study, folder / "out", hands, home, Watcher()).folders


@pytest.fixture
def study(signing: SigningSite, tmp_path: Path) -> str:
    (tmp_path / "as-it-is").mkdir()
    return _write_study(signing, tmp_path / "as-it-is", None)


def test_a_protected_study_is_taken_as_it_is(
    signing: SigningSite, study: str, tmp_path: Path
) -> None:
    """The twin of the refusals below."""
    (folder,) = _pull(_Forger(signing, None), study, tmp_path)

    assert folder.parent == tmp_path / "out"
    assert folder.name.startswith("2.25.")


@pytest.mark.parametrize("series", ["../../mine", "absolute", "..", ".", "", "1.2.3"])
def test_a_series_that_is_none_of_ours_moves_and_writes_nothing(
    signing: SigningSite, study: str, tmp_path: Path, series: str
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter").write_text("mine")
    name = str(mine) if series == "absolute" else series

    with pytest.raises(EncryptSecureRTError) as refused:
        _pull(_Forger(signing, name), study, tmp_path)

    assert refused.value.code is ErrorCode.E_NOT_PROTECTED
    assert (mine / "letter").read_text() == "mine"
    assert not (tmp_path / "out").exists()


def test_a_series_that_is_none_of_ours_does_not_leave_either(
    signing: SigningSite, tmp_path: Path
) -> None:
    folder = tmp_path / "forged"
    folder.mkdir()
    _write_study(signing, folder, "CANARY^NAME")

    with pytest.raises(EncryptSecureRTError) as refused:
        fit_files(folder, ClientHome(tmp_path / "home"))

    assert refused.value.code is ErrorCode.E_NOT_PROTECTED


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID"])
def test_a_manifest_without_a_name_is_none(
    signing: SigningSite, tmp_path: Path, keyword: str
) -> None:
    _write_study(signing, tmp_path, None)
    shell = pydicom.dcmread(tmp_path / "2.dcm")
    del shell[keyword]
    shell.save_as(tmp_path / "2.dcm", enforce_file_format=False)

    with pytest.raises(EncryptSecureRTError) as refused:
        read_manifest(tmp_path / "2.dcm")

    assert refused.value.code is ErrorCode.E_NOT_PROTECTED
