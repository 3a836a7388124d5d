"""Run the module's self test in a real Slicer, with a worker if one is given.

    Slicer --testing --no-splash --python-script Testing/Slicer/run_self_test.py [WORKER.json]

WORKER.json holds the address and the client folder of a worker: {"url": ..., "home": ...}. Start
that worker before, under the simulated TEE. Without the file the segmentation is not tried, and the
output says so. Exit status 0 or 1.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path

import slicer


def main(arguments: list[str]) -> int:
    """Run the self test and return the exit status."""
    worker = json.loads(Path(arguments[0]).read_text("utf-8")) if arguments else {}
    try:
        importlib.import_module("EncryptSecureRT").EncryptSecureRTTest().runTest(**worker)
    except Exception:  # the border of the process: whatever it was, the test failed
        traceback.print_exc()
        return 1
    sys.stdout.write("EncryptSecureRT self test passed\n")
    return 0


if __name__ == "__main__":
    slicer.util.exit(main(sys.argv[1:]))
