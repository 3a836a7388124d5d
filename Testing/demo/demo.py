"""The main job end to end, as a user would type it, with an embedded SIMULATED worker.

    worker serve        in simulated mode on a free port
    admin init, policy, user add, provision
    enroll, check, protect, segment, verify
    dose-compare of two doses on the phantom, with the structures that were found
    worker stopped and started again, jobs, admin audit

Everything that a command says is printed. `--out` gets summary.json, the DICOM results, the
protected series and preview.png; site keys, worker state and the original stay in a temporary
folder that is removed.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from phantom_doses import write_phantom_doses
from phantom_files import write_ct_series
from protected import series_folders
from pydicom import dcmread

from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_rt.phantoms import ct_phantom, default_phantom_grid
from encryptsecurert_rt.segmentation import Structure

_BIN = Path(sys.executable).parent
_TRUTH_NAMES = {
    Structure.BODY: "External",
    Structure.LUNG_LEFT: "Lung_L",
    Structure.LUNG_RIGHT: "Lung_R",
    Structure.SKELETON: "Bone",
}
_WORKER_START_S = 60


class Demo:
    """One run; each step is timed and its command shown."""

    def __init__(self, out: Path, work: Path) -> None:
        self.out = out
        self.work = work
        self.timings_s: dict[str, float] = {}

    def say(self, words: str) -> None:
        """Print a heading."""
        print(f"\n\033[1m{words}\033[0m" if sys.stdout.isatty() else f"\n{words}", flush=True)

    def run(self, step: str, *command: str) -> None:
        """Run a command as a user would see it; the demo ends if it fails."""
        self.say(f"$ {' '.join(self._shown(part) for part in command)}")
        start = time.perf_counter()
        done = subprocess.run([str(_BIN / command[0]), *command[1:]], check=False)
        self.timings_s[step] = round(time.perf_counter() - start, 3)
        if done.returncode:
            sys.exit(done.returncode)

    def ask(self, *command: str) -> dict[str, Any]:
        """Run a command with --json and return its result line."""
        done = subprocess.run(
            [str(_BIN / command[0]), *command[1:], "--json"],
            check=False,
            capture_output=True,
            text=True,
        )
        last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if last["kind"] != "result":
            sys.exit(f"{command[1]}: {last.get('code')}")
        return last

    def _shown(self, part: str) -> str:
        return part.replace(str(self.work), "$WORK")

    def worker(self, port: int = 0) -> tuple[subprocess.Popen[str], str]:
        """Start the worker and return it with its address."""
        state = self.work / "worker"
        command = ["serve", "--provider", "simulated", "--port", str(port), "--state", str(state)]
        self.say(f"$ encryptsecurert-worker {' '.join(map(self._shown, command))} &")
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(_BIN / "encryptsecurert-worker"), *command],
            stdout=subprocess.PIPE,
            stderr=(self.work / "worker.log").open("a"),
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            sys.exit("the worker did not start; see above")
        print(line, end="")
        self.timings_s["worker_start"] = round(time.perf_counter() - start, 3)
        return process, str(json.loads(line)["url"])


def _input_series(demo: Demo, given: Path | None) -> tuple[Path, dict[str, float] | None]:
    if given is not None:
        return given, None
    demo.say("Making a CT phantom of known volumes (no --ct given)")
    phantom = ct_phantom(default_phantom_grid())
    folder = demo.work / "original"
    write_ct_series(folder, phantom.hu, phantom.grid)
    write_phantom_doses(folder)
    truth = {_TRUTH_NAMES[key]: round(value, 2) for key, value in phantom.volume_cc.items()}
    return folder, truth


def _set_up(demo: Demo, url: str) -> Path:
    """Found a site, name the worker in its policy, enroll a physicist, provision the worker."""
    work, admin = demo.work, "encryptsecurert-admin"
    secret = work / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_urlsafe(24))
    key = ("--passphrase-file", str(secret))
    site, home, state = str(work / "site"), demo.out / "home", str(work / "worker")
    demo.run("init", admin, "init", site, *key)
    measured = work / "release"
    demo.run(
        "measure",
        *("encryptsecurert-worker", "measure", "--provider", "simulated"),
        *("--state", state, "--out", str(measured)),
    )
    demo.run(
        "policy",
        *(admin, "policy", site, "--release", str(measured / "release.json")),
        *("--collateral", str(measured / "collateral.json"), "--allow-simulated", *key),
    )
    demo.run("enroll", "encryptsecurert", "enroll", "--home", str(home))
    demo.run(
        "user",
        *(admin, "user", "add", site, "--csr", str(home / "user.csr"), "--role", "physicist"),
        *("--out", str(work / "welcome"), *key),
    )
    _enroll_auditor(demo, site, key)
    demo.run("provision", admin, "provision", site, "--url", url, *key)
    demo.run(
        "accept",
        *("encryptsecurert", "enroll", "--accept", str(work / "welcome"), "--home", str(home)),
    )
    return home


def _enroll_auditor(demo: Demo, site: str, key: tuple[str, ...]) -> None:
    """Enroll somebody else, who reads the audit log; not shown, as it is done like the user's."""
    home, welcome = demo.work / "auditor-home", demo.work / "auditor-welcome"
    demo.ask("encryptsecurert", "enroll", "--home", str(home))
    demo.ask(
        *("encryptsecurert-admin", "user", "add", site, "--csr", str(home / "user.csr")),
        *("--role", "auditor", "--out", str(welcome), *key),
    )
    demo.ask("encryptsecurert", "enroll", "--accept", str(welcome), "--home", str(home))


def _afterwards(demo: Demo, home: Path, url: str) -> dict[str, Any]:
    """Show what a restart of the worker leaves, and what the auditor sees."""
    demo.run("jobs", "encryptsecurert", "jobs", "--url", url, "--home", str(home))
    audit = (
        *("encryptsecurert-admin", "audit", "verify", "--url", url),
        *("--home", str(demo.work / "auditor-home")),
        *("--key", str(demo.work / "site" / "auditor" / "auditor.key.sealed")),
        *("--passphrase-file", str(demo.work / "passphrase")),
        *("--log", str(demo.work / "audit"), "--receipts", str(home / "receipts")),
    )
    demo.run("audit", *audit)
    return demo.ask(*audit)


def _summary(demo: Demo, home: Path, url: str, truth: dict[str, float] | None) -> dict[str, Any]:
    common = ("--home", str(home))
    checked = demo.ask("encryptsecurert", "check", "--url", url, *common)
    receipt = demo.out / "results" / "receipt.json"
    verified = demo.ask("encryptsecurert", "verify", str(receipt), *common)
    body = ReceiptBody.decode(Receipt.decode(receipt.read_bytes()).body)  # judged just above
    numbers = verified["numbers"]
    volumes = {
        name.removeprefix("volume_cc."): round(float(value), 3)
        for name, value in numbers.items()
        if name.startswith("volume_cc.")
    }
    return {
        "simulated": bool(verified["simulated"] and checked["simulated"]),
        "notice": "SIMULATED - not protected. Not a medical device.",
        "verdict": checked["verdict"],
        "certificate_verdict": checked["certificate_verdict"],
        "receipt_verdict": verified["verdict"],
        "receipt_sha256": verified["receipt_sha256"],
        "output_sha256": verified["outputs"],
        "algorithm": body.algorithm,
        "volumes_cc": volumes,
        **({"true_volumes_cc": truth} if truth else {}),
        "warnings": list(body.warnings),
        "timings_s": demo.timings_s,
    }


def _jobs(demo: Demo, home: Path, url: str, series: Path) -> None:
    common = ("--url", url, "--home", str(home))
    demo.run("check", "encryptsecurert", "check", *common)
    protected = demo.out / "protected"
    demo.run("protect", "encryptsecurert", "protect", str(series), str(protected), *common)
    ct, *doses = _by_modality(protected)
    demo.run(
        "segment",
        *("encryptsecurert", "segment", str(ct), "--out", str(demo.out / "results")),
        *("--preview", str(demo.out / "preview.png"), *common),
    )
    demo.run(
        "verify",
        *("encryptsecurert", "verify", str(demo.out / "results" / "receipt.json")),
        *("--home", str(home)),
    )
    if doses:
        demo.run(
            "dose_compare",
            *("encryptsecurert", "dose-compare", *map(str, doses)),
            *("--structures", str(demo.out / "results" / "rtstruct.dcm")),
            *("--out", str(demo.out / "dose"), *common),
        )


def _by_modality(protected: Path) -> list[Path]:
    """Return the folder of the CT, then those of the doses, the planned one first."""
    found = []
    for folder in series_folders(protected):
        ds = dcmread(next(folder.glob("*.dcm")), stop_before_pixels=True)
        found.append((str(ds.Modality), int(ds.get("SeriesNumber") or 0), folder))
    return [folder for _, _, folder in sorted(found)]


def _fresh(out: Path) -> None:
    """Empty the output folder if an earlier demo made it; refuse any other that is not empty."""
    if out.exists() and any(out.iterdir()):
        if not (out / "summary.json").exists() and not (out / "home").exists():
            sys.exit(f"{out} is not empty and not from a demo: choose another --out")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("demo-out"))
    parser.add_argument("--ct", type=Path, help="folder with one CT series; a phantom if not given")
    options = parser.parse_args(argv)
    if options.ct is not None and not options.ct.is_dir():
        parser.error("--ct must be a folder")
    if options.ct is not None and options.out.resolve() in options.ct.resolve().parents:
        parser.error("--ct lies in the output folder, which is emptied: choose another --out")
    _fresh(options.out)
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="esrt-demo-") as work:
        demo = Demo(options.out, Path(work))
        process, url = demo.worker()
        try:
            series, truth = _input_series(demo, options.ct)
            home = _set_up(demo, url)
            _jobs(demo, home, url, series)
            summary = _summary(demo, home, url, truth)
            demo.say("The worker stops and starts again")
            process.terminate()
            process.wait(30)
            process, url = demo.worker(urlsplit(url).port or 0)
            summary["audit"] = _afterwards(demo, home, url)["findings"]
        finally:
            process.terminate()
            process.wait(30)
    path = options.out / "summary.json"
    path.write_text(json.dumps(summary, indent=1) + "\n")
    made = "summary.json, preview.png, results/, dose/, protected/, home/"
    demo.say(f"Written to {options.out}: {made}")
    print(f"{'structure':<10} {'cm3':>10}" + (f" {'true cm3':>10}" if truth else ""))
    for name, volume in summary["volumes_cc"].items():
        true = f" {truth[name]:10.1f}" if truth else ""
        print(f"{name:<10} {volume:10.1f}{true}")


if __name__ == "__main__":
    main()
