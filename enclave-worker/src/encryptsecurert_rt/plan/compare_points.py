"""Control points beside control points, however they came to be paired."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from encryptsecurert_rt.plan.book import Book, Table
from encryptsecurert_rt.plan.points import AXES, ControlPoints, Device, FloatArray, IntArray
from encryptsecurert_rt.plan.rows import Place
from encryptsecurert_rt.plan.sampling import Sampler, turn
from encryptsecurert_rt.plan.tolerances import Tolerances


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One side at the control points or samples that are compared.

    Attributes
    ----------
    axes : float64 (n, axes).
    positions : returns a device's positions there, float64 (n, 2 x pairs) in mm.
    points : of which they are.
    """

    axes: FloatArray
    positions: Callable[[Device], FloatArray]
    points: ControlPoints


def side_at(points: ControlPoints, index: IntArray) -> Side:
    """Return control points by their index."""
    return Side(
        axes=points.axes[index],
        positions=lambda device: device.positions_mm[index],
        points=points,
    )


def side_sampled(points: ControlPoints, total: float, at: FloatArray) -> Side:
    """Return a beam at fractions of its meterset, see `Sampler`."""
    sampler = Sampler(points, total, at)
    return Side(axes=sampler.axes(), positions=sampler.device, points=points)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paired:
    """Both sides at the same places.

    Attributes
    ----------
    labels : which control point or sample each place is.
    energy_unit : of the reference.
    """

    labels: IntArray
    expected: Side
    found: Side
    energy_unit: str


def compare_points(paired: Paired, tolerances: Tolerances, book: Book, place: Place) -> None:
    """Take down axes, jaws and leaves; what neither side has is left out unless it is essential."""
    for n, axis in enumerate(AXES):
        expected, found = paired.expected.axes[:, n : n + 1], paired.found.axes[:, n : n + 1]
        if not (np.isfinite(expected).any() or np.isfinite(found).any() or axis.is_essential):
            continue
        difference = turn(expected, found) if axis.is_angle else found - expected
        table = Table(expected=expected, found=found, difference=difference, labels=paired.labels)
        tolerance = tolerances.named(axis.tolerance) if axis.tolerance else 0.0
        book.table(axis.name, axis.unit or paired.energy_unit, table, tolerance, place)
    for device in paired.expected.points.devices:
        _compare_device(device, paired, tolerances, book, place)


def compare_shape(
    reference: ControlPoints, other: ControlPoints, tolerances: Tolerances, book: Book, place: Place
) -> None:
    """Take down which devices there are, and where their leaves meet."""
    compare_pairs(reference, other, book, place)
    for device in reference.devices:
        twin, name = other.device(device.kind), device.kind.value
        if twin is None:
            book.wrong(f"device_missing.{name}", place)
            continue
        if device.pairs == twin.pairs:
            _compare_boundaries(device, twin, tolerances, book, place)
    for device in other.devices:
        if reference.device(device.kind) is None:
            book.wrong(f"device_extra.{device.kind.value}", place)


def _compare_boundaries(
    device: Device, twin: Device, tolerances: Tolerances, book: Book, place: Place
) -> None:
    """Take down where leaves meet, if at least one side knows."""
    what, count = f"boundaries.{device.kind.value}", device.pairs + 1
    if device.boundaries_mm is None and twin.boundaries_mm is None:
        return
    if device.boundaries_mm is None or twin.boundaries_mm is None:
        book.unknown(what, "mm", count, place)
        return
    away = np.abs(twin.boundaries_mm - device.boundaries_mm)
    known = away[np.isfinite(away)]
    if known.size:
        worst, tolerance = float(known.max()), tolerances.leaf_mm
        book.statistic(what, "mm", worst, tolerance, place, compared=known.size)
    if known.size < count:
        book.unknown(what, "mm", count - known.size, place)


def compare_pairs(reference: ControlPoints, other: ControlPoints, book: Book, place: Place) -> None:
    """Take down how many leaves the devices have that both sides know."""
    for device in reference.devices:
        twin = other.device(device.kind)
        if twin is not None:
            what = f"pairs.{device.kind.value}"
            book.number(what, "1", device.pairs, twin.pairs, 0.0, place)


def _compare_device(
    device: Device, paired: Paired, tolerances: Tolerances, book: Book, place: Place
) -> None:
    name = device.kind.value
    twin = paired.found.points.device(device.kind)
    if twin is None or twin.pairs != device.pairs:
        what = "jaws" if device.kind.is_jaw else "leaves"
        book.unknown(f"{what}.{name}", "mm", 2 * device.pairs * len(paired.labels), place)
        return
    # Not before: a few control points of a plan become as many rows as the other side has.
    expected, found = paired.expected.positions(device), paired.found.positions(twin)
    table = Table(
        expected=expected,
        found=found,
        difference=found - expected,
        labels=paired.labels,
        pairs=device.pairs,
    )
    if device.kind.is_jaw:
        book.table(f"jaws.{name}", "mm", table, tolerances.jaw_mm, place)
        return
    book.table(f"leaves.{name}", "mm", table, tolerances.leaf_mm, place)
    _compare_statistics(name, table, tolerances, book, place)


def _compare_statistics(
    name: str, table: Table, tolerances: Tolerances, book: Book, place: Place
) -> None:
    """Judge the RMS of the worst leaf, and the 95th percentile over all leaves and places."""
    known = np.isfinite(table.difference)
    compared = int(known.sum())
    if not compared:
        return
    squares = np.where(known, table.difference, 0.0)
    squares *= squares
    rms = np.sqrt(squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    worst = int(rms.argmax())
    book.statistic(
        f"leaves_rms.{name}",
        "mm",
        float(rms[worst]),
        tolerances.leaf_rms_mm,
        place,
        compared=compared,
        bank=1 + worst // table.pairs,
        leaf=1 + worst % table.pairs,
    )
    p95 = float(np.percentile(np.abs(table.difference[known]), 95))
    what = f"leaves_p95.{name}"
    book.statistic(what, "mm", p95, tolerances.leaf_p95_mm, place, compared=compared)
