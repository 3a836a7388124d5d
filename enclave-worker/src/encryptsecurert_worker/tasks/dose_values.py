"""Figures of differences, of maps and of points alike, and what of a comparison a receipt tells."""

from collections.abc import Iterator

import numpy as np

from encryptsecurert_protocol.dose_figures import DifferenceFigures, Histogram
from encryptsecurert_protocol.dose_parts import AgreementPart, DifferencePart, GammaPart
from encryptsecurert_rt.dose.statistics import ValueSummary


def value_figures(values: ValueSummary | None, *, points: int, outside: int) -> DifferenceFigures:
    """Return the figures of differences in Gy; None if there were none to take them of."""
    return DifferenceFigures(
        points=points,
        outside=outside,
        mean_gy=None if values is None else values.mean,
        sd_gy=None if values is None else values.sd,
        rms_gy=None if values is None else values.rms,
        minimum_gy=None if values is None else values.minimum,
        maximum_gy=None if values is None else values.maximum,
        p2_gy=None if values is None else values.percentile_2,
        p98_gy=None if values is None else values.percentile_98,
    )


def value_histogram(values: ValueSummary | None) -> Histogram | None:
    """Return the histogram of differences in Gy with the edges of its bins."""
    if values is None:
        return None
    half, bins = values.histogram.half_range, len(values.histogram.counts)
    edges = tuple(float(edge) for edge in np.linspace(-half, half, bins + 1))
    return Histogram(edges=edges, counts=values.histogram.counts)


def whole_numbers(
    gamma: GammaPart | None, difference: DifferencePart | None, agreement: AgreementPart | None
) -> Iterator[tuple[str, float]]:
    """Yield the figures of all points together, for the receipt."""
    for name, part in (("gamma", gamma), ("difference", difference), ("agreement", agreement)):
        if part is not None:
            for member, value in part.as_json()["whole"].items():
                if value is not None:
                    yield f"{name}.{member}", float(value)
