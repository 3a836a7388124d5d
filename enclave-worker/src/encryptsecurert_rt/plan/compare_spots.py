"""Scanned layers beside scanned layers: spots, where they are and what each gets.

Metersets are in per cent of the whole beam's, so that weights of a plan and MU of a record compare.
"""

from dataclasses import dataclass

import numpy as np

from encryptsecurert_rt.plan.book import Book, Table
from encryptsecurert_rt.plan.points import ControlPoints, FloatArray, IntArray
from encryptsecurert_rt.plan.rows import Place
from encryptsecurert_rt.plan.tolerances import Tolerances


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scanned:
    """The control points of a beam, and its whole meterset in the unit of their spots.

    Without `total` metersets are not compared.
    """

    points: ControlPoints
    total: float | None

    def percent(self, meterset: FloatArray) -> FloatArray:
        """Return a meterset in per cent of the whole; NaN if that is not known."""
        return np.asarray(meterset * (100.0 / self.total if self.total else np.nan))


def compare_spots(
    expected: Scanned, found: Scanned, tolerances: Tolerances, book: Book, place: Place
) -> None:
    """Compare layer by layer; both sides have as many control points."""
    ours, theirs = expected.points.spots, found.points.spots
    if ours is None and theirs is None:
        return
    if ours is None or theirs is None:
        book.unknown("spots", "1", len(expected.points), place)
        return
    labels = np.arange(len(ours))
    counts = [np.array([[float(len(layer))] for layer in side]) for side in (ours, theirs)]
    book.table("spots", "1", _table(counts[0], counts[1], labels), 0.0, place)
    layers = [
        side.percent(np.array([[layer[:, 2].sum()] for layer in side.points.spots or ()]))
        for side in (expected, found)
    ]
    table = _table(layers[0], layers[1], labels)
    book.table("layer_meterset", "%", table, tolerances.weight_percent, place)
    _compare_each(expected, found, tolerances, book, place)


def _compare_each(
    expected: Scanned, found: Scanned, tolerances: Tolerances, book: Book, place: Place
) -> None:
    """Compare spot by spot in layers that have as many; the others are counted as not compared."""
    layers = list(zip(expected.points.spots or (), found.points.spots or (), strict=True))
    even = [n for n, (one, two) in enumerate(layers) if len(one) == len(two)]
    left_out = sum(max(len(one), len(two)) for one, two in layers if len(one) != len(two))
    if left_out:
        book.unknown("spots_of_uneven_layers", "1", left_out, place)
    if not any(len(layers[n][0]) for n in even):
        return
    ours = np.concatenate([layers[n][0] for n in even])
    theirs = np.concatenate([layers[n][1] for n in even])
    labels = np.repeat(even, [len(layers[n][0]) for n in even])
    away = np.hypot(theirs[:, :1] - ours[:, :1], theirs[:, 1:2] - ours[:, 1:2])
    table = _table(np.zeros_like(away), away, labels)
    book.table("spot_position", "mm", table, tolerances.spot_mm, place)
    table = _table(expected.percent(ours[:, 2:]), found.percent(theirs[:, 2:]), labels)
    book.table("spot_meterset", "%", table, tolerances.weight_percent, place)


def _table(expected: FloatArray, found: FloatArray, labels: IntArray) -> Table:
    return Table(expected=expected, found=found, difference=found - expected, labels=labels)
