"""The client's whole knowledge of DICOM files: cut out the bulk, put it back elsewhere.

    layout_of(path)         -> where its pixels lie, and what tells it apart from other files
    split_file(path)        -> header octets and the bulk ranges with their digests
    split_protected(path)   -> the same of a protected file
    in_batches(files, ...)  -> split files, as many at a time as one job takes
    header_request(split)   -> the message that goes, sealed, to the attested worker
    splice(answer, ...)     -> a protected file out of the worker's answer and the local bulk

Nothing here decodes a value or decides about attributes: that is the worker's part. But pixels
never reach it, so what may be hidden among them is looked for here: `picture` in uncompressed
ones, `encapsulated` in compressed ones. The header of an original stays one `bytearray`, to be
wiped by whoever holds it.
"""

from EncryptSecureRTLib.client.dicomfiles.splice import PROTECTED_MTIME_S, splice
from EncryptSecureRTLib.client.dicomfiles.split import (
    BulkRange,
    SplitFile,
    header_request,
    in_batches,
    layout_of,
    split_file,
    split_protected,
)

__all__ = [
    "PROTECTED_MTIME_S",
    "BulkRange",
    "SplitFile",
    "header_request",
    "in_batches",
    "layout_of",
    "splice",
    "split_file",
    "split_protected",
]
