"""What the PACS commands tell in the end: UIDs, modalities, counts; pseudonyms of ours."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from EncryptSecureRTLib.client.pacs.model import Coming, Fate, Stored, StudyRow
from EncryptSecureRTLib.client.pacs.pull import Pulled
from EncryptSecureRTLib.client.pacs.push import Pushed
from EncryptSecureRTLib.client.telling import protected_told

Told = tuple[str, dict[str, Any]]
_MOST_ROWS = 200  # the result is one line, of at most `Limits.json_line_bytes`
_MOST_FAILED = 20


def found_told(rows: Sequence[StudyRow]) -> Told:
    """Tell the studies that a PACS holds."""
    shown = sorted(rows, key=lambda row: row.study)[:_MOST_ROWS]
    heading = f"{'StudyInstanceUID':<64}  {'number':>6}  {'modalities':<12}  pseudonym"
    lines = [heading] * bool(shown) + [_found_line(row) for row in shown]
    left_out = len(rows) - len(shown)
    if left_out:
        lines.append(f"and {left_out} more: narrow the search")
    return "\n".join(lines) or "There is no such study.", {
        "rows": [
            {
                "study": row.study,
                "modalities": list(row.modalities),
                "instances": row.instances,
                "pseudonym": row.pseudonym or None,
            }
            for row in shown
        ],
        "left_out": left_out,
    }


def _found_line(row: StudyRow) -> str:
    count = "?" if row.instances is None else str(row.instances)
    return f"{row.study:<64}  {count:>6}  {'/'.join(row.modalities):<12}  {row.pseudonym}".rstrip()


def coming_words(coming: Coming) -> str:
    """Say what would come."""
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(coming.modalities).items()))
    count = "an unknown number of" if coming.instances is None else str(coming.instances)
    return f"{count} instances in {len(coming.modalities)} series: {kinds}"


def pulled_told(pulled: Pulled) -> Told:
    """Tell what came, and what was made of it."""
    if pulled.protected is not None:
        words, value = protected_told(pulled.protected)
        return words, {**value, "came": pulled.came, "taken_as_it_is": False}
    into = "\n".join(str(folder) for folder in pulled.folders)
    words = f"{pulled.came} instances, protected already, as they are into {into}"
    return words, {
        "folder": str(pulled.folders[0]),
        "folders": [str(folder) for folder in pulled.folders],
        "came": pulled.came,
        "taken_as_it_is": True,
    }


def pushed_told(pushed: Pushed) -> Told:
    """Tell how many instances were stored, and which with a warning."""
    counts = pushed.counts
    warned = [one for one in pushed.stored if one.fate is Fate.WARNING]
    words = f"{counts[Fate.STORED] + counts[Fate.WARNING]} instances stored"
    if warned:
        words += (
            f", {len(warned)} of them with a warning (the first: status {warned[0].status:04X}): "
            "if the PACS changed a value, they cannot be revealed; pull the study and see"
        )
    value: dict[str, Any] = {
        "studies": list(pushed.studies),
        "stored": counts[Fate.STORED],
        "warnings": {"count": len(warned), "rows": [_row(one) for one in warned[:_MOST_FAILED]]},
    }
    if pushed.protected is not None:
        words += "\n" + protected_words(pushed)
        value["instances_protected"] = pushed.protected.instances
        value["refused"] = len(pushed.protected.refused)
        value["simulated"] = pushed.protected.simulated
        value["receipts"] = [str(path) for path in pushed.protected.receipts]
    return words, value


def protected_words(pushed: Pushed) -> str:
    """Say what was protected on the way."""
    made = pushed.protected
    if made is None:
        return ""
    refused = f", {len(made.refused)} files refused: not sent" if made.refused else ""
    return f"{made.instances} instances protected on the way{refused}"


def failed_lines(failed: Sequence[Stored]) -> list[str]:
    """Say which instances the PACS has not taken, with the status of each."""
    lines = [f"{one.instance}: status {one.status:04X}" for one in failed[:_MOST_FAILED]]
    if len(failed) > _MOST_FAILED:
        lines.append(f"and {len(failed) - _MOST_FAILED} more")
    return lines


def _row(one: Stored) -> dict[str, str]:
    return {"instance": one.instance, "status": f"{one.status:04X}"}
