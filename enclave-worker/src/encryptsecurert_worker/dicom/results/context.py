"""What a result object is made from: the protected series, the structures, the producer.

Nothing here reads a file. A result is written about a series of which the enclave knows only
what `ReferenceSeries` holds, and that only if the series is protected: every UID is one of ours
(`2.25.` and digits, PS3.5 B.2) and the patient is a pseudonym. So no result can carry an
original identifier, whatever a client sends.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from pydicom.uid import CTImageStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.volumes import MAPPED_UID
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation import Structure

_MAPPED_UID = re.compile(MAPPED_UID)
_PSEUDONYM = re.compile(r"P[A-Z2-7]{16}\Z")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}\Z")
_MEASUREMENT = re.compile(r"[0-9a-f]{64}\Z")
_MAX_SIDE = 65535  # Rows and Columns are unsigned 16-bit


class OfPatient(Protocol):
    """Whose a result is, and in which study."""

    @property
    def patient_pseudonym(self) -> str:
        """`P` and 16 base32 characters."""

    @property
    def study_instance_uid(self) -> str:
        """Mapped UID."""


def is_pseudonym(text: str) -> bool:
    """Tell whether a patient id is a pseudonym of ours."""
    return _PSEUDONYM.match(text) is not None


def _refuse(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_PARAMETERS, detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSeries:
    """The protected CT series that a result is about.

    Attributes
    ----------
    study_instance_uid, series_instance_uid, frame_of_reference_uid : mapped UIDs.
    sop_class_uid : CT Image Storage.
    sop_instance_uids : mapped, one for each slice, in the order of k, all different.
    patient_pseudonym : `P` and 16 base32 characters.
    grid : where the voxels are; right-handed, k along the slice normal.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_PROTECTED if a UID or the pseudonym is not of the protected form; E_PARAMETERS
        for anything else.
    """

    study_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    sop_class_uid: str
    sop_instance_uids: tuple[str, ...]
    patient_pseudonym: str
    grid: ImageGrid

    def __post_init__(self) -> None:
        uids = (
            self.study_instance_uid,
            self.series_instance_uid,
            self.frame_of_reference_uid,
            *self.sop_instance_uids,
        )
        if not all(_MAPPED_UID.fullmatch(uid) for uid in uids):
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
        if not is_pseudonym(self.patient_pseudonym):
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
        if self.sop_class_uid != CTImageStorage:
            raise _refuse("the reference is not CT Image Storage")
        if len(self.sop_instance_uids) != self.grid.shape[0]:
            raise _refuse("one instance UID for each slice is needed")
        if len(set(self.sop_instance_uids)) != len(self.sop_instance_uids):
            raise _refuse("instance UIDs are doubled")
        if max(self.grid.shape) > _MAX_SIDE:
            raise _refuse("the grid is too large for DICOM")
        if np.linalg.det(np.asarray(self.grid.direction).reshape(3, 3)) < 0:
            raise _refuse("the grid is left-handed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """Who makes the result: goes to equipment and software versions of each object.

    Attributes
    ----------
    version : worker version, e.g. ``0.1.0``.
    measurement : MRENCLAVE, 64 lower-case hex digits.
    simulated : True writes SIMULATED into descriptions and equipment of what is made.
    """

    version: str
    measurement: str
    simulated: bool

    def __post_init__(self) -> None:
        if not _VERSION.match(self.version) or not _MEASUREMENT.match(self.measurement):
            raise _refuse("the producer's version or measurement is malformed")


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureMask:
    """A structure and its voxels: `mask` is bool (k, j, i), True inside."""

    key: Structure
    mask: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.mask.ndim != 3 or self.mask.dtype != np.bool_:
            raise _refuse("a mask must be a boolean volume")


def check_structures(reference: ReferenceSeries, structures: Sequence[StructureMask]) -> None:
    """Refuse with E_PARAMETERS unless all masks fit the grid and no structure comes twice."""
    if not structures:
        raise _refuse("there is no structure")
    if len({s.key for s in structures}) != len(structures):
        raise _refuse("a structure comes twice")
    if any(s.mask.shape != reference.grid.shape for s in structures):
        raise _refuse("a mask has another shape than the series")


def derived_uid(uid_seed: bytes, role: str) -> str:
    """Return the UID of a role in a job: the same seed and role give the same UID.

    `2.25.` and the first 128 bits of SHA-256(seed, role) as a decimal number, at most 44
    characters. The seed must be secret or random and new for each job, and at least 16 octets.
    """
    if len(uid_seed) < 16:
        raise _refuse("the UID seed is too short")
    digest = hashlib.sha256(uid_seed + b"\x00" + role.encode("ascii")).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
