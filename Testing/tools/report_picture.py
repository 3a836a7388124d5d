"""Take the picture of a report in docs/dose-comparison.md: `make screenshots`, never by hand.

    python -m Testing.tools.report_picture docs/dose-report.png

The doses are those of the module's sample data, the structures bodies of a formula: nobody's. The
task itself computes, without a worker around it. Chromium draws the page; without it, or without
Pillow, there is no picture and a sentence says so.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from Testing.host.make_sample_data import DOSE_GRID, FACTOR, ISOCENTRE_MM, SHIFT_MM, dose_gy
from Testing.Integration.dose_orders import GAMMA, STRUCTURE_SET, dose_octets, facts
from Testing.Unit.worker.contexts import task_context

from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.dose_profiles import ProfileLine
from encryptsecurert_protocol.dvh_options import DoseGoal, DvhOptions
from encryptsecurert_protocol.structures import (
    StructureEntry,
    StructureForm,
    StructuresHeader,
    pack_structures,
)
from encryptsecurert_rt.dose.grid import DoseGrid, FloatArray
from encryptsecurert_worker.tasks.dose_compare import DoseCompareTask
from EncryptSecureRTLib.client.dose_html import dose_page
from EncryptSecureRTLib.client.dose_outcome import DoseOutcome, MadeBy, found_in
from EncryptSecureRTLib.client.dose_report import dose_report
from EncryptSecureRTLib.client.dose_scene import Labels

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_SIZE_PX = (900, 1960)
_COLOURS = 256
_NOTE = "Synthetic data: beams of a formula, nobody's dose."
# By ROI number: name, centre LPS mm, half axes mm; ellipsoids.
_BODIES = {
    1: ("PTV_5000", ISOCENTRE_MM, (22.0, 22.0, 22.0)),
    2: ("Heart", (22.0, -28.0, 6.0), (34.0, 30.0, 30.0)),
    3: ("SpinalCord", (0.0, 62.0, 10.0), (7.0, 7.0, 46.0)),
}


def rings(centre_mm: Sequence[float], half_mm: Sequence[float]) -> list[FloatArray]:
    """Return an ellipsoid as contours in the planes of the dose, each (n, 3), LPS mm."""
    angle = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    found = []
    for z in DOSE_GRID.origin_lps_mm[2] + 4.0 * np.arange(DOSE_GRID.shape[0]):
        share2 = 1.0 - ((z - centre_mm[2]) / half_mm[2]) ** 2
        if share2 > 0.0:
            x, y = (np.sqrt(share2) * half for half in half_mm[:2])
            across = centre_mm[0] + x * np.cos(angle), centre_mm[1] + y * np.sin(angle)
            found.append(np.column_stack((*across, np.full(angle.size, z))))
    return found


def _structures() -> bytes:
    contours = {n: rings(centre, half) for n, (_, centre, half) in _BODIES.items()}
    entries = (
        StructureEntry(
            number=n, form=StructureForm.CONTOURS, points=tuple(len(ring) for ring in of)
        )
        for n, of in contours.items()
    )
    header = StructuresHeader(
        frame_of_reference="2.25.31",
        structure_set=STRUCTURE_SET,
        grid=None,
        structures=tuple(entries),
    )
    return pack_structures(
        header, [np.concatenate(of).astype("<f8").tobytes() for of in contours.values()]
    )


def _asked() -> DoseCompareParameters:
    x, y, z = ISOCENTRE_MM
    return DoseCompareParameters(
        reference=facts(1),
        evaluated=facts(2),
        gamma=GAMMA,
        difference=True,
        dvh=DvhOptions(prescription_gy=50.0, targets=(1,)),
        goals=(
            DoseGoal(
                structure=1, metric="D95%[Gy]", relation=">=", value=47.5, unit="Gy", priority=1
            ),
        ),
        profiles=(ProfileLine(from_lps_mm=(x - 60, y, z), to_lps_mm=(x + 60, y, z), step_mm=1.0),),
        isodoses=(25.0, 40.0, 47.5),
        tg218=True,
        outputs=("maps",),
    )


def sample_page() -> bytes:
    """Return the report's page."""
    reference = DoseGrid(dose_gy=dose_gy(), grid=DOSE_GRID)
    evaluated = DoseGrid(dose_gy=dose_gy(shift_mm=SHIFT_MM, factor=FACTOR), grid=DOSE_GRID)
    inputs = [dose_octets(reference), dose_octets(evaluated), _structures()]
    task = DoseCompareTask(threads=1)
    output = task.run([memoryview(o) for o in inputs], _asked().as_json(), task_context())
    found = found_in(dict(output.results))
    outcome = DoseOutcome(
        comparison=found.comparison,
        curves=found.curves,
        gamma=found.gamma,
        difference=found.difference,
        made_by=MadeBy(
            simulated=True,
            words="SIMULATED - not protected",
            measurement="0" * 64,
            policy_sha256="0" * 64,
            receipt_sha256="0" * 64,
            algorithm=task.algorithm,
            time_claimed=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    )
    labels = Labels(
        names={n: name for n, (name, _, _) in _BODIES.items()},
        contours={n: rings(centre, half) for n, (_, centre, half) in _BODIES.items()},
    )
    report = dose_report(
        outcome, labels, reference_gy=reference.dose_gy, notes=(_NOTE,), percent_gy=50.0
    )
    return dose_page(report)


def main(target: Path) -> None:
    """Draw the top of the page and write it, in few colours, as PNG."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    try:
        from PIL import Image
    except ImportError:
        browser = None
    if browser is None:
        print(f"SKIPPED: {target} needs Chromium and Pillow, and one is not installed here")
        return
    with tempfile.TemporaryDirectory() as name:
        page, shot = Path(name) / "report.html", Path(name) / "report.png"
        page.write_bytes(sample_page())
        width, height = _SIZE_PX
        subprocess.run(
            [
                *(browser, "--headless", "--disable-gpu", "--hide-scrollbars"),
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
                *(f"--window-size={width},{height}", f"--screenshot={shot}", page.as_uri()),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        with Image.open(shot) as drawn:
            drawn.convert("RGB").quantize(_COLOURS).save(target, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
