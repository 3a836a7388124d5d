"""What is kept of the instance before changes nothing: each is protected as the first would be."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from Testing.Unit.protect.conftest import make_ct, request_of

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.headers import HeaderRequest
from encryptsecurert_worker.dicom.manifest.entries import read_answer
from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates

# Kept, wrong and empty values of each action that goes by value, under right and other VRs.
VALUES: dict[int, list[tuple[bytes, bytes]]] = {
    0x00180050: [
        (b"DS", b"1.5 "),
        (b"DS", b"2"),
        (b"DS", b"CANARY"),
        (b"DS", b""),
        (b"LO", b"1.5 "),
    ],
    0x00200013: [(b"IS", b"1 "), (b"IS", b"2"), (b"IS", b"CANARY"), (b"UN", b"1 ")],
    0x00080008: [(b"CS", rb"ORIGINAL\PRIMARY\AXIAL"), (b"CS", rb"ORIGINAL\PRIMARY\CANARY")],
    0x00185100: [(b"CS", b"HFS "), (b"CS", b"FFS "), (b"CS", b"CANARY"), (b"CS", b"")],
    0x00281052: [(b"DS", b"-1024 "), (b"DS", b"0 "), (b"DS", b"1" * 17)],
    0x00080022: [(b"DA", b"20240301"), (b"DA", b"20240302"), (b"DA", b"")],
}


def _header(drawn: dict[int, tuple[bytes, bytes]], patient: bytes, *, implicit: bool) -> bytes:
    changes: dict[int, Any] = {**drawn, 0x00100020: (b"LO", patient)}
    return make_ct(changes, implicit=implicit)


headers = st.builds(
    _header,
    st.fixed_dictionaries({}, optional={tag: st.sampled_from(of) for tag, of in VALUES.items()}),
    st.sampled_from([b"4711", b"4712"]),
    implicit=st.booleans(),
)


def _clear(protector: Protector, request: HeaderRequest) -> tuple[object, ...]:
    """Return the digest of the clear part and the sealed attributes, or the refusal."""
    try:
        answer, sealed = protector.seal_with_tags(protector.examine(request))
    except EncryptSecureRTError as error:
        return (error.code,)
    return read_answer(answer).entry.clear_sha256, tuple(sealed)


@given(series=st.lists(headers, min_size=2, max_size=6), dates=st.sampled_from(list(Dates)))
def test_an_instance_is_protected_as_if_it_were_the_first(
    site: Any, series: list[bytes], dates: Dates
) -> None:
    choices = Choices(dates=dates)
    used = Protector(site.keys, choices)

    for octets in [*series, *reversed(series)]:
        request = request_of(octets)
        assert _clear(used, request) == _clear(Protector(site.keys, choices), request)


def test_long_values_are_not_kept(site: Any, ct_request: Callable[..., HeaderRequest]) -> None:
    long = b"\\".join([b"ORIGINAL", b"PRIMARY", b"AXIAL", b"X" * 300])
    protector = Protector(site.keys)

    protector.protect(ct_request({0x00080008: (b"CS", long)}))

    (kept,) = protector._last.values()
    assert kept
    assert 0x00080008 not in kept
    assert all(len(value) <= 256 for _, value, _, _ in kept.values())
