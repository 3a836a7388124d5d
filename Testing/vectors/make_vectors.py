"""Rebuild the test vectors.

Run from the root of the checkout:

    python -m Testing.vectors.make_vectors            rebuild and write
    python -m Testing.vectors.make_vectors --renew    also make HPKE sealings that are not kept yet

Everything is made from fixed keys by the second implementation (`Testing/Unit/protocol`), not by
the package, so the package is judged by octets that it did not make. All is deterministic but
HPKE of suite 2, whose sealings are made once and kept in `kept.json`: a rebuild opens each of
them and stops if one does not fit what it should hold. Files of scenarios that are no more are
removed. A test compares a rebuild with the folder.
"""

import sys
from itertools import chain
from pathlib import Path

from Testing.vectors import (
    cases_audit,
    cases_bundles,
    cases_data,
    cases_dose,
    cases_json,
    cases_manifest,
    cases_measurements,
    cases_messages,
    cases_plans,
    cases_reports,
    cases_sealed,
)
from Testing.vectors.vector_file import render
from Testing.vectors.vector_keys import KeptSealings

FOLDER = Path(__file__).parent


def build(kept: KeptSealings) -> dict[str, str]:
    """Return the text of each vector file by its path below the folder."""
    made: dict[str, str] = {}
    for name, vector in chain(
        cases_json.cases(kept),
        cases_sealed.cases(kept),
        cases_messages.cases(kept),
        cases_data.cases(kept),
        cases_bundles.cases(kept),
        cases_audit.cases(kept),
        cases_manifest.cases(kept),
        cases_reports.cases(kept),
        cases_dose.cases(kept),
        cases_plans.cases(kept),
        cases_measurements.cases(kept),
    ):
        path = f"{name}.txt"
        if path in made:
            raise ValueError(f"two scenarios of one name: {name}")
        made[path] = render(vector)
    return made


def main(arguments: list[str]) -> int:
    """Write the files."""
    kept = KeptSealings(renew="--renew" in arguments)
    made = build(kept)
    for path in FOLDER.glob("*/*.txt"):
        if path.relative_to(FOLDER).as_posix() not in made:
            path.unlink()
    for name, text in made.items():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    kept.write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
