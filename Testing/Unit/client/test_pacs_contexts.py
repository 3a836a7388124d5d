"""What associations are proposed for: each kind as it is, compressions apart, 128 at most."""

from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, MRImageStorage, RawDataStorage, RTPlanStorage

from EncryptSecureRTLib.client.pacs.dimse_contexts import (
    ALL_KINDS,
    COMPRESSED,
    MOST_CONTEXTS,
    UNCOMPRESSED,
    kinds_of,
    to_receive,
    to_send,
)
from EncryptSecureRTLib.client.pacs.dimse_store import _groups
from EncryptSecureRTLib.client.pacs.model import Outgoing, Seen

pytest.importorskip("pynetdicom")


def _file(kind: str, syntax: str, instance: str = "2.25.1") -> Outgoing:
    return Outgoing(
        path=Path("f"),
        sop_class=kind,
        instance=instance,
        syntax=syntax,
        data_set_at=132,
        size_bytes=1000,
        seen=Seen(inode=1, size_bytes=1000, changed_ns=1),
    )


def test_a_compression_has_a_context_of_its_own_so_that_nothing_is_transcoded() -> None:
    contexts = to_receive([CTImageStorage, RTPlanStorage], 127)

    first, second, *others = contexts
    assert [str(one) for one in first.transfer_syntax] == list(UNCOMPRESSED)
    assert second.abstract_syntax == RTPlanStorage
    assert {str(one.abstract_syntax) for one in others} == {CTImageStorage}
    assert [one.transfer_syntax for one in others] == [[syntax] for syntax in COMPRESSED]


def test_where_nobody_knows_the_kinds_all_are_proposed_and_not_more_than_fit() -> None:
    contexts = to_receive(kinds_of(()), MOST_CONTEXTS - 1)

    assert len(contexts) == MOST_CONTEXTS - 1
    assert [one.abstract_syntax for one in contexts[: len(ALL_KINDS)]] == list(ALL_KINDS)
    assert RawDataStorage in ALL_KINDS


def test_a_file_goes_in_its_own_transfer_syntax_only() -> None:
    files = [_file(CTImageStorage, COMPRESSED[0]), _file(MRImageStorage, UNCOMPRESSED[0])]

    contexts = to_send([*files, *files])

    pairs = [(str(one.abstract_syntax), [*map(str, one.transfer_syntax)]) for one in contexts]
    assert pairs == [(CTImageStorage, [COMPRESSED[0]]), (MRImageStorage, [UNCOMPRESSED[0]])]


def test_more_kinds_than_an_association_takes_go_in_several() -> None:
    files = [_file(f"1.2.{n}", UNCOMPRESSED[0], f"2.25.{n}") for n in range(MOST_CONTEXTS + 5)]

    groups = list(_groups(files))

    assert [len(group) for group in groups] == [MOST_CONTEXTS, 5]
    assert [file for group in groups for file in group] == files
