"""What `measurement-compare` tells in the end: the outcome for people, the same as JSON."""

from typing import Any

from encryptsecurert_protocol.figures import record_json
from EncryptSecureRTLib.client.dose_facts import facts_of_agreement, facts_of_difference
from EncryptSecureRTLib.client.measurement_compare import Compared
from EncryptSecureRTLib.client.measurement_facts import (
    CALCULATED_MINUS_MEASURED,
    measured_words,
    places_of,
    shift_table,
    verdict_lines,
    warning_words,
)
from EncryptSecureRTLib.client.telling import Told


def measurement_told(made: Compared) -> Told:
    """Tell verdict, pass rates with their criteria, a proposed shift, warnings and files."""
    comparison, judged = made.outcome.comparison, made.finished.judged
    files = [str(path) for path in made.files]
    lines, _ = verdict_lines(comparison)
    lines += [] if comparison.gamma is None else [comparison.gamma.words]
    places = places_of(comparison)
    facts = [("Measured", measured_words(comparison.measured))]
    facts += facts_of_difference(comparison.difference, places, CALCULATED_MINUS_MEASURED)
    facts += facts_of_agreement(comparison.agreement)
    lines += ["", *(f"{name}: {words}" for name, words in facts), *_shift_lines(made), ""]
    lines += [f"warning: {warning_words(word)}" for word in comparison.warnings]
    gamma, shift, verdict = comparison.gamma, comparison.shift, comparison.tg218
    return "\n".join([*lines, *files]), {
        "files": files,
        "form": comparison.measured.form,
        "points": comparison.measured.points,
        "gamma": None if gamma is None else {"criteria": gamma.words, **_rates(gamma.whole)},
        "agreement": {
            "criteria": comparison.agreement.words,
            **_rates(comparison.agreement.whole),
        },
        "difference": record_json(comparison.difference.whole),
        "tg218": None if verdict is None else verdict.verdict,
        "process": None if comparison.process is None else comparison.process.as_json(),
        "shift": None if shift is None else shift.as_json(),
        "warnings": list(comparison.warnings),
        "receipt_sha256": judged.sha256,
        "outputs": dict(judged.body.outputs),
        "verdict": judged.verdict.to_json(),
        "simulated": judged.verdict.simulated,
    }


def _rates(whole: Any) -> dict[str, Any]:
    names = ("evaluated", "pass_percent_certain", "pass_percent_possible")
    return {name: getattr(whole, name) for name in names}


def _shift_lines(made: Compared) -> list[str]:
    part = made.outcome.comparison.shift
    if part is None:
        return []
    table = shift_table(part, places_of(made.outcome.comparison))
    lines = ["", table.title]
    for row in table.rows:
        cells = [f"{head} {cell}" for head, cell in zip(table.heads[1:], row[1:], strict=True)]
        lines.append(f"{row[0]}: {', '.join(cells)}")
    return lines
