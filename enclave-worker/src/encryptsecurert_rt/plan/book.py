"""Takes rows down while things are compared."""

from dataclasses import dataclass

import numpy as np

from encryptsecurert_rt.plan.points import FloatArray, IntArray
from encryptsecurert_rt.plan.rows import (
    MAX_POINTS,
    ROUNDING,
    Place,
    PlanCheck,
    Row,
    Verdict,
    judged,
)


class Book:
    """Takes rows down while things are compared.

    Parameters
    ----------
    with_points : bool
        Keep rows of single control points, too; a log has too many.
    """

    def __init__(self, *, with_points: bool) -> None:
        self._rows: list[Row] = []
        self._points: list[Row] = []
        self._left_out = 0
        self._with_points = with_points

    def finished(self) -> PlanCheck:
        """Return what was taken down."""
        return PlanCheck(
            rows=tuple(self._rows), points=tuple(self._points), points_left_out=self._left_out
        )

    def number(
        self,
        what: str,
        unit: str,
        expected: float | None,
        found: float | None,
        tolerance: float | None,
        place: Place,
    ) -> None:
        """Compare two numbers."""
        if expected is None or found is None:
            self._not_known(what, unit, expected, found, tolerance, place)
            return
        difference = found - expected
        verdict = judged(difference, tolerance)
        self._add(
            what=what,
            unit=unit,
            verdict=verdict,
            expected=float(expected),
            found=float(found),
            difference=float(difference),
            tolerance=tolerance,
            compared=1,
            beyond=int(verdict is Verdict.BEYOND),
            place=place,
        )

    def word(self, what: str, expected: str | None, found: str | None, place: Place) -> None:
        """Compare two defined terms, if at least one is told."""
        if expected is None and found is None:
            return
        if expected is None or found is None:
            self._not_known(what, "word", expected, found, None, place)
            return
        verdict = Verdict.WITHIN if expected == found else Verdict.BEYOND
        self._add(
            what=what,
            unit="word",
            verdict=verdict,
            expected=expected,
            found=found,
            compared=1,
            beyond=int(verdict is Verdict.BEYOND),
            place=place,
        )

    def whether(self, what: str, is_so: bool | None) -> None:
        """Take down whether something is as it has to be: 1 for yes."""
        found = None if is_so is None else float(is_so)
        self.number(what, "1", 1.0, found, 0.0, Place())

    def told(self, what: str, unit: str, found: float, place: Place) -> None:
        """Tell a number that nothing is expected of."""
        self._add(what=what, unit=unit, verdict=Verdict.TOLD, found=float(found), place=place)

    def wrong(self, what: str, place: Place) -> None:
        """Tell of something that is on one side only."""
        self._add(what=what, unit="1", verdict=Verdict.BEYOND, compared=1, beyond=1, place=place)

    def unknown(self, what: str, unit: str, count: int, place: Place) -> None:
        """Tell that so many values cannot be compared."""
        self._add(
            what=what, unit=unit, verdict=Verdict.NOT_COMPARED, not_compared=count, place=place
        )

    def table(
        self,
        what: str,
        unit: str,
        values: "Table",
        tolerance: float | None,
        place: Place,
    ) -> None:
        """Compare the values of all control points: the worst, and each that differs."""
        away = np.abs(values.difference)
        known = np.isfinite(away)
        count = int(known.sum())
        if not count:
            self.unknown(what, unit, away.size, place)
            return
        at = int(np.where(known, away, -1.0).argmax())
        beyond = 0 if tolerance is None else int((away[known] > tolerance + ROUNDING).sum())
        self._add(
            unit=unit,
            verdict=_verdict(tolerance, beyond),
            tolerance=tolerance,
            compared=count,
            not_compared=away.size - count,
            beyond=beyond,
            place=place,
            what=what,
            **values.at(at),
        )
        if self._with_points:
            self._add_points(what, unit, values, tolerance, place)

    def statistic(  # noqa: PLR0913 - what it is, of what, and of which leaf
        self,
        what: str,
        unit: str,
        value: float,
        tolerance: float | None,
        place: Place,
        *,
        compared: int,
        bank: int | None = None,
        leaf: int | None = None,
    ) -> None:
        """Judge a statistic of differences."""
        verdict = judged(value, tolerance)
        self._add(
            what=what,
            unit=unit,
            verdict=verdict,
            difference=value,
            tolerance=tolerance,
            bank=bank,
            leaf=leaf,
            compared=compared,
            beyond=int(verdict is Verdict.BEYOND),
            place=place,
        )

    def _not_known(
        self,
        what: str,
        unit: str,
        expected: float | str | None,
        found: float | str | None,
        tolerance: float | None,
        place: Place,
    ) -> None:
        self._add(
            what=what,
            unit=unit,
            verdict=Verdict.NOT_COMPARED,
            expected=expected,
            found=found,
            tolerance=tolerance,
            not_compared=1,
            place=place,
        )

    def _add(self, *, place: Place, **members: object) -> None:
        self._rows.append(_row(place, members))

    def _add_points(
        self, what: str, unit: str, values: "Table", tolerance: float | None, place: Place
    ) -> None:
        """Take down each control point at which something differs, by its worst value."""
        away = np.abs(values.difference)
        for i in np.flatnonzero((away > ROUNDING).any(axis=1)):
            if len(self._points) >= MAX_POINTS:
                self._left_out += 1
                continue
            row = away[i]
            known = np.isfinite(row)
            beyond = 0 if tolerance is None else int((row[known] > tolerance + ROUNDING).sum())
            worst = int(np.where(known, row, -1.0).argmax())
            members = {
                "what": what,
                "unit": unit,
                "verdict": _verdict(tolerance, beyond),
                "tolerance": tolerance,
                "compared": int(known.sum()),
                "not_compared": int((~known).sum()),
                "beyond": beyond,
                **values.at(int(i) * row.size + worst),
            }
            self._points.append(_row(place, members))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Values of control points beside what is expected of them.

    Attributes
    ----------
    expected, found, difference : float64 (n, m); NaN where a side knows nothing.
    labels : which control point or sample each row is.
    pairs : of leaves; 0 where `m` is no bank of leaves.
    """

    expected: FloatArray
    found: FloatArray
    difference: FloatArray
    labels: IntArray
    pairs: int = 0

    def at(self, flat: int) -> dict[str, object]:
        """Return the members of a row that say where a value is and what it is."""
        i, j = divmod(flat, self.difference.shape[1])
        place: dict[str, object] = {"point": int(self.labels[i])}
        if self.pairs:
            place |= {"bank": 1 + j // self.pairs, "leaf": 1 + j % self.pairs}
        return place | {
            "expected": float(self.expected[i, j]),
            "found": float(self.found[i, j]),
            "difference": float(self.difference[i, j]),
        }


def _verdict(tolerance: float | None, beyond: int) -> Verdict:
    if tolerance is None:
        return Verdict.TOLD
    return Verdict.BEYOND if beyond else Verdict.WITHIN


def _row(place: Place, members: dict[str, object]) -> Row:
    where = {"beam": place.beam, "group": place.group, "fraction": place.fraction}
    return Row(**where, **members)  # type: ignore[arg-type]  # members are those of Row
