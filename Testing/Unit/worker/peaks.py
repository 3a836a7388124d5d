"""A process of its own runs one task once and prints how much memory that took beyond an idle one.

python -m Testing.Unit.worker.peaks segment FILE OUTPUTS
python -m Testing.Unit.worker.peaks protect FILE KEYS
python -m Testing.Unit.worker.peaks dose_compare FILE KEYS    with the file for both doses
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from Testing.Unit.worker.contexts import KEYS, site_keys, task_context

from encryptsecurert_protocol.volumes import VolumeHeader
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_worker.tasks.dose_compare import DoseCompareTask
from encryptsecurert_worker.tasks.protect import ProtectTask
from encryptsecurert_worker.tasks.segment import SegmentTask
from encryptsecurert_worker.tasks.task import SiteKeys, Task

ROOT = Path(__file__).resolve().parents[3]
STATUS = Path("/proc/self/status")
SEGMENT = {
    "schema": "encryptsecurert.segment/1",
    "structures": ["body", "lung_left", "lung_right", "skeleton"],
    "outputs": ["rtstruct", "seg"],
    "reference": {
        "study_instance_uid": "2.25.1",
        "series_instance_uid": "2.25.2",
        "patient_id": "PABCDEFGHIJ234567",
    },
}
PROTECT = {"schema": "encryptsecurert.protect/2", "dates": "remove", "pixels": "judged"}
_FACTS = {
    "study_instance_uid": "2.25.1",
    "series_instance_uid": "2.25.2",
    "patient_id": "PABCDEFGHIJ234567",
    "dose_sop_instance_uid": "2.25.3",
    "plan_sop_class_uid": None,
    "plan_sop_instance_uid": None,
    "dose_summation_type": "PLAN",
    "dose_type": "PHYSICAL",
}
DOSES = {
    "schema": "encryptsecurert.dose-compare/1",
    "reference": _FACTS,
    "evaluated": _FACTS,
    "registration": None,
    "gamma": {
        "dose_percent": "3.0",
        "distance_mm": "2.0",
        "cutoff_percent": "10.0",
        "normalisation": "global",
        "norm_gy": None,
        "cap": "2.0",
        "either_dose": False,
        "mode": "certified",
    },
    "difference": True,
    "agreement": {
        "radius_mm": "5.0",
        "dose_percent": "3.0",
        "distance_mm": "2.0",
        "cutoff_percent": "10.0",
        "norm_gy": None,
    },
    "dvh": None,
    "goals": [],
    "profiles": [
        {
            **{"from_lps_mm": ["0.0", "0.0", "0.0"], "to_lps_mm": ["199.0", "0.0", "0.0"]},
            "step_mm": "0.01",
        }
    ],
    "isodoses": [f"{3 * n}.0" for n in range(1, 17)],
    "tg218": True,
    "reference_measured": False,
    "outputs": ["difference_dicom", "gamma_dicom", "maps", "report_dicom"],
}
TASKS: Mapping[str, tuple[Task, Mapping[str, object]]] = {
    "segment": (SegmentTask(threads=2), SEGMENT),
    "protect": (ProtectTask(), PROTECT),
    "dose_compare": (DoseCompareTask(threads=2), DOSES),
}


def volume_octets(hu: npt.NDArray[np.int16], grid: ImageGrid) -> bytes:
    """Return a volume as it is uploaded."""
    header = VolumeHeader(
        shape=grid.shape,
        dtype="int16",
        spacing_mm=grid.spacing_mm,
        origin_mm=grid.origin_lps_mm,
        direction=grid.direction,
        quantity="ct_number",
        unit="HU",
        frame_of_reference="2.25.3",
        slice_uids=tuple(f"2.25.{k + 10}" for k in range(grid.shape[0])),
    )
    return header.frame_head() + hu.astype("<i2").tobytes()


def peak_bytes(task: str, path: Path, keys: SiteKeys = KEYS) -> int:
    """Run a task over the octets of a file in a process of its own; return what it took."""
    certificates = [keys.recipient_certificate.hex(), keys.escrow_certificate.hex()]
    done = subprocess.run(
        [sys.executable, "-m", "Testing.Unit.worker.peaks", task, str(path), *certificates],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    peak: int = json.loads(done.stdout)
    return peak


def _resident_bytes(name: str) -> int:
    lines = STATUS.read_text("ascii").splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return 1024 * int(kilobytes)


def main() -> None:
    """Run and print."""
    name, path, recipient, escrow = sys.argv[1:]
    task, parameters = TASKS[name]
    keys = site_keys(bytes.fromhex(recipient), bytes.fromhex(escrow))
    before = _resident_bytes("VmRSS")
    octets = np.fromfile(path, np.uint8).data
    task.run([octets] * len(task.input_kinds), parameters, task_context(keys=keys))
    print(_resident_bytes("VmHWM") - before)


if __name__ == "__main__":
    main()
