"""What lies where `protect` wrote: a folder for each series, and one for the manifest."""

from collections.abc import Iterable
from pathlib import Path

from EncryptSecureRTLib.client.study_files import find_study


def series_folder(place: Path) -> Path:
    """Return the folder of the one protected series below `place`, not that of its manifest."""
    (folder,) = series_folders(place)
    return folder


def series_folders(place: Path) -> Iterable[Path]:
    """Return the folders of the protected series below `place`."""
    return sorted({path.parent for path in find_study(place).files})
