"""The display folder of `dose-compare`, read by the program that shows it.

It holds the results `comparison`, `curves`, `gamma` and `difference` as they came, those of them
that there are. The client wrote them after the receipt verified; what is not right all the same
is E_RESULT.
"""

from pathlib import Path

from pydicom.uid import RTDoseStorage

from encryptsecurert_protocol.dose_results import (
    COMPARISON_NAME,
    CURVES_NAME,
    DIFFERENCE_NAME,
    GAMMA_NAME,
)
from encryptsecurert_protocol.limits import GIB
from EncryptSecureRTLib.client.dose_outcome import DoseFound, found_in
from EncryptSecureRTLib.client.rt_files import one_file
from EncryptSecureRTLib.client.series_headers import open_header, reading_dicom, uid_of
from EncryptSecureRTLib.client.volume_file import read_octets

SHOWN_NAMES = (COMPARISON_NAME, CURVES_NAME, GAMMA_NAME, DIFFERENCE_NAME)
_MOST_BYTES = 2 * GIB


def read_dose_display(folder: Path) -> DoseFound:
    """Return what a comparison found (E_LOCAL_FILE, E_RESULT)."""
    paths = [folder / name for name in SHOWN_NAMES]
    return found_in({path.name: read_octets(path) for path in paths if path.exists()})


def frame_of(source: Path) -> str:
    """Return the frame of reference of a protected RTDOSE, or of the only one in a folder.

    Raises
    ------
    EncryptSecureRTError
        What finding and reading it raises: E_LOCAL_FILE, E_NO_DICOM, E_DICOM, E_MISSING_UID, ...
    """
    path = one_file(source, RTDoseStorage, "dose", _MOST_BYTES)
    with reading_dicom():
        ds = open_header(path, ["FrameOfReferenceUID"])
        return "" if ds is None else uid_of(ds, "FrameOfReferenceUID")
