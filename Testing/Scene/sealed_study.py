"""The planted study sealed, and which of its words are still in a file."""

from pathlib import Path
from typing import Any

from leakscan import scan
from Testing.Scene.planted_study import (
    CT_UIDS,
    FRAME_UID,
    PSEUDONYM,
    SERIES_UID,
    STUDY_UID,
    Planted,
)

from EncryptSecureRTLib.scene.seal import SealReport, seal_study

LABEL = "CT a3f9c1"
UIDS = {
    uid: f"2.25.{7000 + n}" for n, uid in enumerate((*CT_UIDS, STUDY_UID, SERIES_UID, FRAME_UID))
}


def seal(planted: Planted, **options: Any) -> SealReport:
    """Seal the planted study by its CT."""
    return seal_study(planted.nodes["ct"], UIDS, PSEUDONYM, LABEL, **options)


def found_in(path: Path, planted: Planted) -> set[str]:
    """Return the places whose words are still in a saved file."""
    words = {hit.needle for hit in scan(path, planted.needles.values())}
    return {place for place, word in planted.needles.items() if word in words}
