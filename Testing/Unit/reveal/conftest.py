"""Fixtures of the tests of manifest and reveal."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from Testing.Unit.protect.conftest import _real_files, make_ct, request_of  # noqa: E402  # as below
from Testing.Unit.reveal.signing import SigningSite  # noqa: E402  # needs the line above

from encryptsecurert_protocol.headers import HeaderRequest  # noqa: E402  # as above


@pytest.fixture(scope="session")
def signing() -> SigningSite:
    return SigningSite()


@pytest.fixture(scope="session")
def ct() -> Callable[..., HeaderRequest]:
    def build(number: int = 5, **changes: object) -> HeaderRequest:
        uid = b"1.2.3.4.%d" % number
        return request_of(make_ct({0x00080018: (b"UI", uid), **changes.get("elements", {})}))  # type: ignore[dict-item]  # elements of a test

    return build


@pytest.fixture(scope="session")
def real_cts() -> Sequence[Path]:
    files = _real_files()
    if not files:
        pytest.skip("the data pack beside the checkout (../shared/data) is not there")
    return files
