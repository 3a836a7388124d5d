"""What an audit can find, in words.

    intact           what was compared agrees
    damaged          a line does not open, does not decode or does not follow the one before it,
                     within one chain: the worker's log was damaged, changed or put together from
                     several, or the line is for another auditor key; or the auditor's own copy
                     was changed
    cut              lines are gone: the worker's chain ends before lines that the auditor holds,
                     and is otherwise the same; or lines are missing inside what it sent
    rolled-back      the worker left its chain after line k and wrote other lines: an older state
                     was brought back. By its own times, one after the other. Also: it went back
                     to a state folder that it had left for another
    forked           two chains with a common start were both written on, at the same time or in
                     turn: two workers from one state; or a receipt names a start or a head that is
                     in no chain, though the chains go on beyond it or the receipt came before the
                     last fetch. From a receipt alone a fork cannot be told from a rollback, and the
                     sentence says both
    reset            the worker has a new state folder (another instance id): an upgrade, a loss, or
                     somebody who wanted to be rid of the old log
    bad-receipt      a file is no receipt, is not signed by the key that its statement names, or
                     names a line that tells of something else
    behind           the copy ends before a receipt was made, as far as can be told: fetch, then
                     compare again. No alarm; one that stays so after a later fetch is a fork
    foreign-receipt  a receipt of an instance that this log never met. No alarm

Times in lines and receipts are the worker's, and the worker's host can set its clock. Who calls a
fork a rollback gains nothing, since both are alarms; who holds back the clock of the one of two
workers that the auditor meets is found by the clocks of auditor and user.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Name(Enum):
    """The names of findings."""

    INTACT = "intact"
    DAMAGED = "damaged"
    CUT = "cut"
    ROLLED_BACK = "rolled-back"
    FORKED = "forked"
    RESET = "reset"
    BAD_RECEIPT = "bad-receipt"
    BEHIND = "behind"
    FOREIGN_RECEIPT = "foreign-receipt"


_NO_ALARM = (Name.INTACT, Name.BEHIND, Name.FOREIGN_RECEIPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found: its name, a sentence, and the numbers and ids behind it."""

    name: Name
    sentence: str
    numbers: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def alarm(self) -> bool:
        """Whether somebody has to look into it."""
        return self.name not in _NO_ALARM

    def as_json(self) -> dict[str, object]:
        """Return the members of a result."""
        return {
            "finding": self.name.value,
            "alarm": self.alarm,
            "sentence": self.sentence,
            **self.numbers,
        }


class Fault(Exception):
    """Ends a reading at the place where something was found."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.name.value)
        self.finding = finding


def with_intact(findings: Iterable[Finding], sentence: str) -> list[Finding]:
    """Return the findings, alarms first; if there is none, say so."""
    told = sorted(findings, key=lambda finding: not finding.alarm)
    if any(finding.alarm for finding in told):
        return told
    return [Finding(name=Name.INTACT, sentence=sentence), *told]


def damaged(n: int, what: str) -> Finding:
    """Say what is wrong with a line that the worker sent."""
    return Finding(
        name=Name.DAMAGED,
        sentence=f"Line {n} of the worker {what}.",
        numbers={"line": n},
    )


def damaged_copy(n: int, file: str) -> Finding:
    """Say that the auditor's own copy was changed."""
    return Finding(
        name=Name.DAMAGED,
        sentence=f"The auditor's own copy was changed: line {n} is missing or does not follow.",
        numbers={"line": n, "file": file},
    )


def cut(first: int, last: int, *, inside: bool = False) -> Finding:
    """Say which lines are gone."""
    where = "are missing inside the worker's answer" if inside else "are gone from the worker"
    return Finding(
        name=Name.CUT,
        sentence=f"Lines {first} to {last} {where} ({last - first + 1} lines).",
        numbers={"first": first, "last": last},
    )


def rolled_back(common: int, left: int, wrote: int, file: str) -> Finding:
    """Say where a worker went back to, and how much it left behind."""
    return Finding(
        name=Name.ROLLED_BACK,
        sentence=f"The worker went back to line {common}, left {left} line(s) behind and wrote "
        f"{wrote} other(s).",
        numbers={"common": common, "left_behind": left, "wrote": wrote, "file": file},
    )


def forked(common: int, one: int, other: int, file: str) -> Finding:
    """Say that two chains were both written on."""
    return Finding(
        name=Name.FORKED,
        sentence=f"After line {common} there are two chains, of {one} and {other} line(s), and "
        "both were written on: two workers from one state.",
        numbers={"common": common, "one": one, "other": other, "file": file},
    )


def reset(place: int, instance_id: str) -> Finding:
    """Say that a worker came with another state folder."""
    return Finding(
        name=Name.RESET,
        sentence=f"The worker has a new state folder, the {place}. that this log met.",
        numbers={"place": place, "instance_id": instance_id},
    )


def returned(place: int, newest: int, instance_id: str) -> Finding:
    """Say that a worker went back to a state folder of before."""
    return Finding(
        name=Name.ROLLED_BACK,
        sentence=f"The worker went back to its {place}. state folder, though it had a {newest}.",
        numbers={"place": place, "newest": newest, "instance_id": instance_id},
    )
