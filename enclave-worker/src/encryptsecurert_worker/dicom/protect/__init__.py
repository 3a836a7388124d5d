"""Protect: a DICOM header goes in, a clear one with everything identifying sealed comes out.

    protector.py    the whole step for one header
    elements.py     tag walker: where elements are        dictionary.py   VRs and registered UIDs
    ct.py, terms.py allow-list as data                    rules.py        what a row of it means
    refusals.py     what is not protected at all          identity.py     mapped UIDs, pseudonyms
    sealed.py       encrypted attributes, raw header      envelope.py     CMS
    writing.py      explicit VR little endian             shell.py        meta, marks

Anything that no row of an allow-list names is sealed. Another IOD is another table in
`protector.ALLOW_LISTS`.
"""

from encryptsecurert_worker.dicom.protect.protector import (
    ProtectionKeys,
    Protector,
)

__all__ = ["ProtectionKeys", "Protector"]
