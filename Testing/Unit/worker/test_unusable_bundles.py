"""A signed bundle with which nobody could go on is refused, and the one before it holds."""

import pytest
from Testing.Unit.worker.made import NOW, HandMadeSite, refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_worker.vault.site import Site

_EC_KEY, _UNKNOWN_KEY = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d027f")
_IS_CA, _IS_NONSENSE = bytes.fromhex("0603551d13"), bytes.fromhex("0603551d0f")


def _damaged(certificate: bytes, part: bytes, other: bytes) -> bytes:
    """Return a certificate that is one still, but for one part."""
    assert part in certificate
    return certificate.replace(part, other)


def _members(made: HandMadeSite) -> dict[str, dict[str, bytes]]:
    auditor = made.core().auditor_key
    return {
        "no CA": {"user_ca": b""},
        "a CA that is no certificate": {"user_ca": bytes(100)},
        "half a CA": {"user_ca": made.user_ca[:200]},
        "a CA with an unknown key": {"user_ca": _damaged(made.user_ca, _EC_KEY, _UNKNOWN_KEY)},
        "a CA with a senseless extension": {
            "user_ca": _damaged(made.user_ca, _IS_CA, _IS_NONSENSE)
        },
        "an auditor's key that is none": {"auditor_key": b"\xff" * len(auditor)},
    }


_NAMES = (
    "no CA",
    "a CA that is no certificate",
    "half a CA",
    "a CA with an unknown key",
    "a CA with a senseless extension",
    "an auditor's key that is none",
)


@pytest.mark.parametrize("name", _NAMES)
def test_a_bundle_that_cannot_be_used_changes_nothing(made: HandMadeSite, name: str) -> None:
    site, custodian = Site(), made.user()
    site.provision(made.message(made.core(custodian, epoch=3)), [made.worker_key], NOW)
    message = made.message(made.core(custodian, epoch=4, **_members(made)[name]))

    code = refusal_of(site.provision, message, [made.worker_key], NOW)

    assert code is ErrorCode.E_BUNDLE
    assert site.require().core.epoch == 3
    assert site.caller(custodian.certificate, NOW).user == custodian.user


def test_the_same_bundle_that_can_be_used_is_taken(made: HandMadeSite) -> None:
    site, custodian = Site(), made.user()
    site.provision(made.message(made.core(custodian, epoch=3)), [made.worker_key], NOW)

    assert site.provision(made.message(made.core(custodian, epoch=4)), [made.worker_key], NOW)
