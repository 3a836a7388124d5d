"""A download that broke off: what is here is kept, the rest is asked for, the whole is checked."""

import hashlib

import pytest
from Testing.Unit.client.answers import Answers, Body, answer, code_of

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.client.downloads import PartialDownload

_WHOLE = bytes(range(256)) * 4096  # four pieces of 256 KiB
_HELD = 512 * 1024
_SHA256 = hashlib.sha256(_WHOLE).hexdigest()
_ETAG = {"ETag": f'"{_SHA256}"'}


def _range(start: int) -> dict[str, str]:
    return {**_ETAG, "Content-Range": f"bytes {start}-{len(_WHOLE) - 1}/{len(_WHOLE)}"}


def _broken(headers: dict[str, str] = _ETAG) -> PartialDownload:
    """Return a download that broke off in the middle."""
    part = PartialDownload("/x", len(_WHOLE))
    line = Answers(answer(Body(_WHOLE[:_HELD], ConnectionResetError()), headers=headers))
    assert code_of(lambda: part.go_on(line.line)) is ErrorCode.E_UNREACHABLE
    assert line.asked == [{}]
    return part


def test_only_what_is_missing_is_asked_for_and_joined() -> None:
    part = _broken()
    line = Answers(answer(Body(_WHOLE[_HELD:]), 206, _range(_HELD)))

    assert part.go_on(line.line) == _WHOLE
    assert line.asked == [{"Range": f"bytes={_HELD}-", "If-Range": f'"{_SHA256}"'}]


def test_it_may_break_more_than_once() -> None:
    part = _broken()
    third = 3 * 256 * 1024
    again = Answers(answer(Body(_WHOLE[_HELD:third], TimeoutError()), 206, _range(_HELD)))
    assert code_of(lambda: part.go_on(again.line)) is ErrorCode.E_TIMEOUT
    line = Answers(answer(Body(_WHOLE[third:]), 206, _range(third)))

    assert part.go_on(line.line) == _WHOLE


def test_a_worker_that_sends_the_whole_again_is_read_from_the_start() -> None:
    part = _broken()
    other = b"another file"

    assert part.go_on(Answers(answer(Body(other), 200, {"ETag": '"' + "0" * 64 + '"'})).line) == (
        other
    )


@pytest.mark.parametrize("etag", [{}, {"ETag": 'W/"1"'}, {"ETag": '"x\r\n"'}])
def test_a_file_without_a_name_is_asked_for_as_a_whole(etag: dict[str, str]) -> None:
    part = _broken(etag)
    line = Answers(answer(Body(_WHOLE), headers=etag))

    assert part.go_on(line.line) == _WHOLE
    assert line.asked == [{}]


@pytest.mark.parametrize(
    "headers",
    [
        _range(_HELD + 1),
        _range(0),
        _ETAG,
        {**_ETAG, "Content-Range": f"bytes {_HELD}-"},
        {**_range(_HELD), "ETag": '"' + "0" * 64 + '"'},
        {"Content-Range": _range(_HELD)["Content-Range"]},
    ],
)
def test_another_range_than_the_asked_one_is_no_result(headers: dict[str, str]) -> None:
    part = _broken()
    line = Answers(answer(Body(_WHOLE[_HELD:]), 206, headers))

    assert code_of(lambda: part.go_on(line.line)) is ErrorCode.E_RESULT


def test_a_range_that_nobody_asked_for_is_no_result() -> None:
    part = PartialDownload("/x", len(_WHOLE))
    line = Answers(answer(Body(_WHOLE), 206, _range(0)))

    assert code_of(lambda: part.go_on(line.line)) is ErrorCode.E_RESULT


def test_parts_that_do_not_make_the_named_whole_are_no_result() -> None:
    part = _broken()
    line = Answers(answer(Body(bytes(len(_WHOLE) - _HELD)), 206, _range(_HELD)))

    assert code_of(lambda: part.go_on(line.line)) is ErrorCode.E_RESULT


def test_the_bound_counts_what_was_held_before() -> None:
    part = _broken()
    line = Answers(answer(Body(_WHOLE[_HELD:] + b"x"), 206, _range(_HELD)))

    assert code_of(lambda: part.go_on(line.line)) is ErrorCode.E_RESULT
    assert len(part.octets) <= len(_WHOLE) + 256 * 1024
