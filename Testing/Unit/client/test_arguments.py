"""Arguments, environment, file and request line: the same invocation, or one usage error."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.arguments import Invocation, parse


class _Input:
    """Standard input with these octets."""

    def __init__(self, octets: bytes) -> None:
        self.buffer = io.BytesIO(octets)


def _request(
    monkeypatch: pytest.MonkeyPatch, command: str, value: object, *words: str
) -> Invocation:
    octets = value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"
    monkeypatch.setattr(sys, "stdin", _Input(octets))
    return parse([command, "--request", "-", *words])


def _usage_error(*words: str) -> EncryptSecureRTError:
    with pytest.raises(EncryptSecureRTError) as refusal:
        parse(list(words))
    assert refusal.value.code is ErrorCode.E_USAGE
    return refusal.value


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ENCRYPTSECURERT_URL", raising=False)
    monkeypatch.delenv("ENCRYPTSECURERT_PATIENCE", raising=False)
    monkeypatch.setenv("ENCRYPTSECURERT_HOME", str(tmp_path))


def test_words_and_request_line_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = "segment ct --out o --home h --url https://w:1 --structures body skeleton"
    words = parse([*typed.split(), *"--outputs seg --preview p.png".split()])
    line: dict[str, Any] = {
        "command": "segment",
        "series": "ct",
        "out": "o",
        "home": "h",
        "url": "https://w:1",
        "structures": ["body", "skeleton"],
        "outputs": ["seg"],
        "preview": "p.png",
    }
    request = _request(monkeypatch, "segment", line)

    assert request.from_request
    for name in ("command", "source", "out", "home", "url", "structures", "outputs", "preview"):
        assert getattr(request, name) == getattr(words, name)


def test_flag_goes_before_environment_and_environment_before_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"url": "https://file:1"}')

    assert parse(["check"]).url == "https://file:1"
    monkeypatch.setenv("ENCRYPTSECURERT_URL", "https://environment:1")
    assert parse(["check"]).url == "https://environment:1"
    assert parse(["check", "--url", "https://flag:1"]).url == "https://flag:1"
    assert parse(["check", "--home", "other"]).home == Path("other")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "7", '"https://w:1"', "[" * 3000])
def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)

    _usage_error("check")
    assert parse(["check", "--url", "https://w:1"]).url == "https://w:1"


def test_what_is_missing_is_told_by_name() -> None:
    bare = parse(["segment"])

    for need in (bare.need_url, bare.need_source, bare.need_out):
        with pytest.raises(EncryptSecureRTError) as refusal:
            need()
        assert refusal.value.code is ErrorCode.E_USAGE
        assert "missing" in refusal.value.what


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("dream",),
        ("check", "--dream"),
        ("check", "positional"),
        ("segment", "ct", "--structures", "toe"),
        ("segment", "ct", "--structures"),
        ("protect", "a", "b", "c"),
        ("check", "--request", "file"),
        ("check", "--js"),
        ("check", "--unsafe"),
        ("check", "--patience", "3"),
        ("jobs", "--patience", "soon"),
        ("jobs", "--patience", "-1"),
        ("jobs", "--patience", "604801"),
        ("jobs", "positional"),
        ("fetch", "a", "b"),
        ("protect", "--detach"),
        ("protect", "a", "b", "--dates", "keep"),
        ("protect", "a", "b", "--pictures", "keep"),
        ("protect", "a", "b", "--pictures", "unsafe"),
        ("segment", "ct", "--display", "d"),
        ("protect", "a", "b", "--tell-uids"),
        ("fetch", "--volume", "v"),
    ],
)
def test_words_that_are_not_understood_are_a_usage_error(words: tuple[str, ...]) -> None:
    error = _usage_error(*words)

    assert not {"dream", "toe", "positional", "file"} & set(error.what.split())


@pytest.mark.parametrize(
    ("typed", "line", "same"),
    [
        (
            "fetch 0123456789abcdef0123456789abcdef --out o --no-wait --url https://w:1",
            {
                "job": "0123456789abcdef0123456789abcdef",
                "out": "o",
                "no_wait": True,
                "url": "https://w:1",
            },
            ("job", "out", "no_wait", "url", "url_asked"),
        ),
        ("cancel " + "ab" * 16, {"job": "ab" * 16}, ("job",)),
        (
            "protect a b --dates shift --pictures unsafe-keep --all-or-nothing",
            {
                "source": "a",
                "out": "b",
                "dates": "shift",
                "pictures": "unsafe-keep",
                "all_or_nothing": True,
            },
            ("source", "out", "dates", "pictures", "all_or_nothing"),
        ),
        ("segment ct --detach", {"series": "ct", "detach": True}, ("source", "detach", "out")),
        ("segment --volume v --out o", {"volume": "v", "out": "o"}, ("source", "volume", "out")),
        ("jobs --patience 0", {"patience_s": 0}, ("patience_s",)),
        (
            "break-glass --case PABC --reason why",
            {"case": "PABC", "reason": "why"},
            ("case", "reason"),
        ),
    ],
)
def test_words_and_request_line_say_the_same_of_jobs(
    monkeypatch: pytest.MonkeyPatch, typed: str, line: dict[str, Any], same: tuple[str, ...]
) -> None:
    words = parse(typed.split())
    request = _request(monkeypatch, words.command, {"command": words.command, **line})

    assert {n: getattr(request, n) for n in same} == {n: getattr(words, n) for n in same}


@pytest.mark.parametrize(
    "line",
    [
        {"patience_s": 1.5},
        {"patience_s": True},
        {"patience_s": -1},
        {"patience_s": 604_801},
        {"job": 7},
        {"detach": 1},
        {"no_wait": "yes"},
        {"reason": None},
        {"volume": True},
        {"volume": "a\0b"},
        {"display": 7},
        {"tell_uids": 1},
        {"tell_uids": None},
        {"dates": "keep"},
        {"dates": ["shift"]},
        {"pictures": None},
        {"pictures": "unsafe"},
        {"all_or_nothing": "yes"},
    ],
)
def test_a_request_with_a_member_of_another_type_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, line: dict[str, Any]
) -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        _request(monkeypatch, "segment", line)

    assert refusal.value.code is ErrorCode.E_USAGE


def test_what_serves_the_program_that_shows_a_study_is_asked_for_in_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = _request(monkeypatch, "fetch", {"display": "d"})
    told = _request(monkeypatch, "protect", {"tell_uids": True})
    bare = _request(monkeypatch, "protect", {})

    assert (shown.display, shown.tell_uids) == (Path("d"), False)
    assert (told.display, told.tell_uids) == (None, True)
    assert (bare.display, bare.tell_uids) == (None, False)


def test_dates_and_pictures_of_a_study_stay_out_unless_asked_for() -> None:
    bare = parse(["protect", "a", "b"]).protect_choices()
    asked = parse(["protect", "a", "b", "--dates", "shift", "--pictures", "unsafe-keep"])

    schema = {"schema": "encryptsecurert.protect/2"}
    assert bare.parameters() == {**schema, "dates": "remove", "pixels": "judged"}
    assert asked.protect_choices().parameters() == {
        **schema,
        "dates": "shift",
        "pixels": "vouched",
    }
    assert not bare.all_or_nothing


def test_who_has_pictures_sealed_vouches_for_none() -> None:
    sealed = parse(["protect", "a", "b", "--pictures", "seal"]).protect_choices()

    assert sealed.parameters()["pixels"] == "judged"


def test_patience_is_two_minutes_unless_flag_or_environment_say_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert parse(["jobs"]).patience_s == 120
    monkeypatch.setenv("ENCRYPTSECURERT_PATIENCE", "7")
    assert parse(["jobs"]).patience_s == 7
    assert parse(["jobs", "--patience", "0"]).patience_s == 0
    assert parse(["check"]).command == "check"


@pytest.mark.parametrize("told", ["soon", "-1", "604801", "9" * 5000, "1.5", "\u0663"])
def test_an_environment_without_a_number_of_seconds_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("ENCRYPTSECURERT_PATIENCE", told)

    _usage_error("jobs")


@pytest.mark.parametrize(
    "job", ["", "ab", "AB" * 16, "ab" * 16 + "0", "../" * 10, "ab" * 15 + "zz"]
)
def test_what_is_no_job_id_is_a_usage_error(job: str) -> None:
    invocation = parse(["cancel", job])

    with pytest.raises(EncryptSecureRTError) as refusal:
        invocation.need_job()

    assert refusal.value.code is ErrorCode.E_USAGE
    assert parse(["cancel", "ab" * 16]).need_job() == "ab" * 16


def test_unsafe_is_off_unless_it_is_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse(["check"]).unsafe_allow_simulated is False
    assert parse(["check", "--unsafe-allow-simulated"]).unsafe_allow_simulated is True
    asked = {"unsafe_allow_simulated": True}
    assert _request(monkeypatch, "check", asked).unsafe_allow_simulated is True
    with pytest.raises(EncryptSecureRTError):
        _request(monkeypatch, "check", {"unsafe_allow_simulated": 1})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_MEMBERS = (
    *("command", "home", "url", "series", "volume", "out", "display", "tell_uids"),
    *("structures", "outputs", "preview", "other"),
)


def _outcome(command: str, value: object) -> Invocation | EncryptSecureRTError:
    """Return what a request line comes to; anything but a usage error goes on to the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENCRYPTSECURERT_URL", "https://w:1")
        try:
            return _request(patch, command, value)
        except EncryptSecureRTError as error:
            return error


@given(st.dictionaries(st.sampled_from(_MEMBERS), _JSON) | _JSON)
def test_any_request_is_an_invocation_or_a_usage_error(value: object) -> None:
    outcome = _outcome("segment", value)

    if isinstance(outcome, EncryptSecureRTError):
        assert outcome.code is ErrorCode.E_USAGE
        assert outcome.what.endswith("(the request line is not right)")
    else:
        assert isinstance(value, dict)
        assert value.get("command", "segment") == outcome.command == "segment"
        assert "other" not in value


@given(st.binary(max_size=60))
def test_any_octets_are_an_invocation_or_a_usage_error(octets: bytes) -> None:
    outcome = _outcome("check", octets)

    assert isinstance(outcome, Invocation) or outcome.code is ErrorCode.E_USAGE
