"""Take the tutorial's pictures: `make screenshots`, never by hand.

python -m Testing.Panel.screenshots docs/tutorial
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from Testing.host.load import boot
from Testing.Panel.bench import PanelBench
from Testing.Panel.clinic import open_clinic
from Testing.Panel.gallery import Gallery, take_all


def main(target: Path) -> None:
    """Take all pictures, in both themes."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "saved").mkdir()
        with open_clinic(folder / "clinic") as clinic:
            bench = PanelBench(boot(), folder / "saved")
            gallery = Gallery(bench, clinic, folder, ("light", "dark"))
            take_all(gallery)
            bench.host.unload(bench.loaded)
        for picture in gallery.taken:
            (target / picture).write_bytes((folder / picture).read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
