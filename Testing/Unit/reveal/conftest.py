"""Fixtures of the tests of manifest and reveal."""

from collections.abc import Callable

import pytest
from Testing.Unit.protect.conftest import make_ct, request_of
from Testing.Unit.reveal.signing import SigningSite

from encryptsecurert_protocol.headers import HeaderRequest


@pytest.fixture(scope="session")
def signing() -> SigningSite:
    return SigningSite()


@pytest.fixture(scope="session")
def ct() -> Callable[..., HeaderRequest]:
    def build(number: int = 5, **changes: object) -> HeaderRequest:
        uid = b"1.2.3.4.%d" % number
        return request_of(make_ct({0x00080018: (b"UI", uid), **changes.get("elements", {})}))  # type: ignore[dict-item]  # elements of a test

    return build
