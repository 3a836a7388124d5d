"""The checks of the module's self test; they raise AssertionError where something is not right."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from EncryptSecureRTLib.client.process import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.panel.address import HOME_FILES
from EncryptSecureRTLib.panel.sampledata import load_phantom
from EncryptSecureRTLib.panel.tasks import SEGMENT

_SMALLEST_LUNG_CC = 500.0


def check_client_answers(logic: Any) -> None:
    """Expect an error of the client's own: it starts, reads the request and answers."""
    with tempfile.TemporaryDirectory() as folder:
        for name in HOME_FILES:
            Path(folder, name).touch()
        logic.connect("https://127.0.0.1:1", home=folder, patienceS=0)
        try:
            logic.check().wait()
        except EncryptSecureRTError as error:
            if error.code is ErrorCode.E_INTERNAL:
                raise AssertionError("the client gave no answer") from error
        else:
            raise AssertionError("a worker that is not there was accepted")
        finally:
            logic.session.close()


def check_sample_data(resources: Path) -> None:
    """Load the phantom; expect a CT that names nobody."""
    node = load_phantom(resources)
    voxels = slicer.util.arrayFromVolume(node)
    _require(voxels.ndim == 3 and voxels.min() < -900 < 0 < voxels.max(), "it is no CT")
    _require(not node.GetAttribute("DICOM.instanceUIDs"), "it is of somebody's study")


def check_segmentation(logic: Any, worker: Mapping[str, Any], resources: Path) -> None:
    """Segment the phantom in the given worker; expect structures where they are."""
    ct = load_phantom(resources)
    told: list[str] = []
    logic.connect(worker["url"], home=worker["home"])
    try:
        node = logic.segment(ct, progress=told.append).wait()
    finally:
        logic.session.close()
    _require(node is not None and node is not ct, "no segmentation came back")
    _require(bool(told), "nothing was told on the way")
    _require(node.GetName() == f"{ct.GetName()} segmentation", "it has another name")
    segmentation = node.GetSegmentation()
    ids = list(segmentation.GetSegmentIDs())
    _require(ids == [structure.key for structure in SEGMENT.structures], "other structures")
    for key in ("lung_left", "lung_right"):
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, key, ct)
        volume_cc = float(np.count_nonzero(mask)) * float(np.prod(ct.GetSpacing())) / 1000
        _require(volume_cc > _SMALLEST_LUNG_CC, f"{key} has {volume_cc:.0f} cc")
        air = slicer.util.arrayFromVolume(ct)[mask > 0]
        _require(bool(np.median(air) < -500), f"{key} is not where the lung is")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)
