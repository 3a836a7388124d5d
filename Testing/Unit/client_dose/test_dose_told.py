"""What `dose-compare` tells in the end: words for people, and a line that is never too long."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from Testing.Unit.client_dose.outcomes_made import RECEIPT, WORDS, goal, outcome

from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.dose_compare import Compared
from EncryptSecureRTLib.client.dose_scene import Labels
from EncryptSecureRTLib.client.dose_told import comparison_told
from EncryptSecureRTLib.client.jobs import Finished
from EncryptSecureRTLib.client.receipts import Judged


def compared(**changes: Any) -> Compared:
    """Return a finished comparison."""
    verdict = SimpleNamespace(simulated=True, to_json=lambda: {"accepted": True})
    body = SimpleNamespace(outputs=(("comparison", "ab" * 32),))
    judged = Judged(
        body=cast(Any, body), verdict=cast(Any, verdict), sha256=RECEIPT, policy_sha256="12" * 32
    )
    finished = Finished(results={}, receipt=b"{}", judged=judged)
    made = outcome(**changes)
    return Compared(files=(Path("out/report.html"),), finished=finished, outcome=made)


def test_a_person_reads_verdict_rate_criteria_structures_and_goals() -> None:
    words, value = comparison_told(compared(), Labels(names={7: "Heart"}))

    assert "TG-218: within tolerance" in words
    assert "99.07 % (proven) to 99.31 % (possible) of 432 points" in words
    assert WORDS in words
    assert "Heart" in words
    assert "NOT met" in words
    assert "warning: Heart: partly outside a dose grid" in words
    assert value["tg218"] == "within_tolerance"
    assert value["gamma"]["criteria"] == WORDS
    assert value["goals"] == {"not_met": 1}
    assert (value["simulated"], value["receipt_sha256"]) == (True, RECEIPT)
    assert "Heart" not in json.dumps(value)


def test_without_gamma_there_is_neither_verdict_nor_rate() -> None:
    words, value = comparison_told(compared(gamma=None, tg218=None), Labels())

    assert (value["gamma"], value["tg218"]) == (None, None)
    assert "TG-218" not in words
    assert "gamma at most" not in words


def test_a_line_is_never_too_long_and_a_table_says_what_it_left_out() -> None:
    made = compared()
    (part,) = made.outcome.comparison.dvh or ()
    many = tuple(replace(part, number=n) for n in range(1, 257))
    goals = tuple(goal("met", 31.0) for _ in range(512))
    warnings = tuple(f"partly_outside_dose.{n}" for n in range(1, 257))

    words, value = comparison_told(compared(dvh=many, goals=goals, warnings=warnings), Labels())

    assert len(json.dumps({"kind": "result", **value})) < LIMITS.json_line_bytes
    assert "and 196 more, see comparison.csv" in words
    assert value["goals"] == {"met": 512}


@pytest.mark.parametrize("name", ["Heart", "A very long name of sixty-four letters"])
def test_columns_stand_below_each_other(name: str) -> None:
    words, _ = comparison_told(compared(), Labels(names={7: name}))

    head, row = [line for line in words.splitlines() if line.startswith(("Structure  ", name))][:2]

    assert row.index("33.12") + len("33.12") == head.index("Gy ref.") + len("Gy ref.")
