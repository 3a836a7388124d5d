"""The client's whole knowledge of DICOM files: cut out the bulk, put it back elsewhere.

    split_file(path)        -> header octets and the bulk ranges with their digests
    in_batches(files, ...)  -> split files, as many at a time as one job takes
    header_request(split)   -> the message that goes, sealed, to the attested worker
    splice(answer, ...)     -> a protected file out of the worker's answer and the local bulk

Nothing here decodes a value, and nothing decides about privacy: that is the worker's part. The
header of an original stays one `bytearray`, to be wiped by whoever holds it.
"""

from EncryptSecureRTLib.client.dicomfiles.splice import PROTECTED_MTIME_S, splice
from EncryptSecureRTLib.client.dicomfiles.split import (
    BulkRange,
    SplitFile,
    header_request,
    in_batches,
    split_file,
)

__all__ = [
    "PROTECTED_MTIME_S",
    "BulkRange",
    "SplitFile",
    "header_request",
    "in_batches",
    "splice",
    "split_file",
]
