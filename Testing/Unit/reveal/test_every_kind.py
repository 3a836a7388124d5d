"""Real files of every kind that is protected come back exactly, and only as they were signed."""

import random
from collections.abc import Sequence

import pytest
from Testing.Unit.protect.kinds import Kept, outcomes
from Testing.Unit.reveal.signing import SigningSite, body_start, protected_request

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.reveals import RevealClass, RevealRequest
from EncryptSecureRTLib.client.dicomfiles import split_file
from EncryptSecureRTLib.client.reveal import put_together
from EncryptSecureRTLib.client.revealed_values import rows_of

pytestmark = pytest.mark.real_data
FLIPS = 60


@pytest.fixture(scope="module")
def kept(signing: SigningSite) -> Sequence[Kept]:
    return [one for _, one in outcomes(signing.protector) if isinstance(one, Kept)]


def test_every_file_that_was_protected_is_revealed_octet_for_octet(
    signing: SigningSite, kept: Sequence[Kept]
) -> None:
    for one in kept:
        revealer = signing.revealer(signing.manifest([one.answer]))
        opened = revealer.open(revealer.examine(protected_request(one.answer)))
        split = split_file(one.original)

        # The bulk of original and protected file is the same, so the one stands for the other.
        assert put_together(one.original, split, opened.whole()) == split.file_sha256
        assert rows_of(opened.show(frozenset(RevealClass)))

    assert len(kept) >= 60
    assert len({one.iod.name for one in kept}) >= 8


def test_a_flipped_bit_in_the_data_set_of_any_kind_is_noticed(
    signing: SigningSite, kept: Sequence[Kept]
) -> None:
    random_bits = random.Random(6)  # noqa: S311 - the same each time
    for one in {each.iod.name: each for each in kept}.values():
        revealer = signing.revealer(signing.manifest([one.answer]))
        good = protected_request(one.answer)
        octets = bytes(good.header)
        start = body_start(octets)
        for bit in random_bits.sample(range(8 * start, 8 * len(octets)), FLIPS):
            changed = bytearray(octets)
            changed[bit // 8] ^= 1 << bit % 8
            request = RevealRequest(size=good.size, bulk=good.bulk, header=bytes(changed))
            with pytest.raises(EncryptSecureRTError):
                revealer.examine(request)
