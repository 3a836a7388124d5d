"""A CT that comes as one volume object in a file, as a scene writes it: voxels and a grid alone.

There is no DICOM header, so there is nothing to protect and nobody whom results could belong to:
they refer to the UIDs in the volume's header, in a study and series of nobody, with a pseudonym
that no patient has. All three are fresh for each reading, and nothing can be looked up by them.
"""

import base64
import os
from pathlib import Path
from uuid import uuid4

import numpy as np
from pydicom.uid import CTImageStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import random_octets
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume
from EncryptSecureRTLib.client.grid import VoxelGrid
from EncryptSecureRTLib.client.series import CtSeries

_PSEUDONYM_BYTES = 10  # 80 bits are 16 characters of base32, as in pseudonyms of patients


def read_ct_volume(path: Path) -> CtSeries:
    """Return the CT in a file of `VolumeHeader.frame_head()` and int16 voxels, (k, j, i).

    It is read in one piece, not mapped: what is sealed must not change while it is sent.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_TOO_LARGE, E_FORMAT (no such file), E_MODALITY (not CT numbers),
        E_GEOMETRY (sheared or left-handed).
    """
    header, payload = unpack_volume(read_octets(path))
    if header.quantity != "ct_number":
        raise EncryptSecureRTError(ErrorCode.E_MODALITY)
    if header.dtype != "int16":
        raise EncryptSecureRTError(ErrorCode.E_FORMAT, "the voxels are not int16")
    if len(set(header.slice_uids)) != len(header.slice_uids):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT, "a slice's UID is there twice")
    grid = _grid(header)
    return CtSeries(
        hu=np.frombuffer(payload, "<i2").reshape(grid.shape),
        spacing_mm=grid.spacing_mm,
        origin_lps_mm=grid.origin_lps_mm,
        direction=grid.direction,
        frame_of_reference_uid=header.frame_of_reference,
        study_instance_uid=fresh_uid(),
        series_instance_uid=fresh_uid(),
        sop_class_uid=str(CTImageStorage),
        sop_instance_uids=header.slice_uids,
        patient_id=fresh_pseudonym(),
        protected=True,
        ignored_files=0,
    )


def read_octets(path: Path) -> bytearray:
    """Return a file's octets, read in one piece (E_LOCAL_FILE, E_TOO_LARGE)."""
    try:
        if not path.is_file():  # opening a named pipe would wait
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LIMITS.object_bytes:
                raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
            octets = bytearray(size)
            if file.readinto(octets) != size or file.read(1):
                raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "it changed while it was read")
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    return octets


def _grid(header: VolumeHeader) -> VoxelGrid:
    return VoxelGrid(
        shape=header.shape,
        spacing_mm=header.spacing_mm,
        origin_lps_mm=header.origin_mm,
        direction=header.direction,
    )


def fresh_uid() -> str:
    """Return a UID made of a random UUID (PS3.5 B.2)."""
    return f"2.25.{uuid4().int}"


def fresh_pseudonym() -> str:
    """Return a pseudonym that no patient has."""
    return "P" + base64.b32encode(random_octets(_PSEUDONYM_BYTES)).decode("ascii")
