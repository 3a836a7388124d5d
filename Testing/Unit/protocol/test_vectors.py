"""Every test vector gives what it says, and the folder is what its script makes."""

from pathlib import Path

import pytest
from Testing.Unit.protocol.vector_runners import RUNNERS
from Testing.vectors import make_vectors
from Testing.vectors.vector_file import parse
from Testing.vectors.vector_keys import KEPT_FILE, WORKER_2, KeptSealings

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

FOLDER = make_vectors.FOLDER
FILES = sorted(FOLDER.glob("*/*.txt"))


def _name(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").as_posix()


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_the_package_answers_as_the_vector_says(path: Path) -> None:
    vector = parse(path.read_text(encoding="utf-8"))

    try:
        RUNNERS[vector.kind](vector)
        found = "ok"
    except EncryptSecureRTError as error:
        found = error.code.name

    assert found == vector.expect, vector.comment


def test_each_kind_has_good_vectors_and_bad_ones() -> None:
    expected = {kind: {"ok", "refused"} for kind in RUNNERS if kind != "derive"}
    found: dict[str, set[str]] = {}
    for path in FILES:
        vector = parse(path.read_text(encoding="utf-8"))
        outcome = "ok" if vector.expect == "ok" else "refused"
        found.setdefault(vector.kind, set()).add(outcome)

    assert found == {**expected, "derive": {"ok"}}
    assert len(FILES) >= 60


def test_each_file_says_what_it_is_for() -> None:
    for path in FILES:
        vector = parse(path.read_text(encoding="utf-8"))

        assert vector.comment.strip()
        assert path.parent.name == vector.kind
        assert path.name.startswith("ok") == (vector.expect == "ok")
        assert vector.expect == "ok" or vector.expect in ErrorCode.__members__


def test_rebuilding_gives_the_same_octets() -> None:
    made = make_vectors.build(KeptSealings())

    assert {f"{_name(path)}.txt": path.read_text(encoding="utf-8") for path in FILES} == made


def test_a_kept_sealing_that_does_not_fit_stops_a_rebuild() -> None:
    kept = KeptSealings()
    assert KEPT_FILE.exists()

    with pytest.raises(KeyError):
        kept.seal("a scenario that is not there", 2, bytes(96), b"", b"")
    with pytest.raises(ValueError, match="does not fit"):
        kept.seal("hpke, suite 2", 2, WORKER_2, b"EncryptSecureRT/test/v1\x00", b"")
