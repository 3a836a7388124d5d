"""Protect: a DICOM header goes in, a clear one with everything identifying sealed comes out.

    protector.py    the whole step for one header
    elements.py     tag walker: where elements are        dictionary.py   VRs and registered UIDs
    iods/           allow-lists as data, one a kind       rules.py        what a row of it means
    clearing.py     what a table leaves of a data set     numbers.py, codes.py  values that may stay
    refusals.py     what is not protected at all          identity.py     mapped UIDs, pseudonyms
    sealed.py       encrypted attributes, raw header      envelope.py     CMS
    writing.py      explicit VR little endian             shell.py        meta, marks

Anything that no row of an allow-list names is sealed. Another kind of object is another table in
`iods/`.
"""

from encryptsecurert_worker.dicom.protect.protector import (
    ProtectionKeys,
    Protector,
)

__all__ = ["ProtectionKeys", "Protector"]
