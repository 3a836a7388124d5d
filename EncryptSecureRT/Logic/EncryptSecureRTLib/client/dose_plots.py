"""Graphs of a dose comparison: the histogram of gamma, DVHs, profiles, for page and paper.

matplotlib is imported late and without its global state.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from encryptsecurert_protocol.dose_curves import CurveOf
from encryptsecurert_protocol.dose_parts import GammaPart
from encryptsecurert_protocol.dose_profiles import ProfilePart
from EncryptSecureRTLib.client.dose_outcome import DoseOutcome
from EncryptSecureRTLib.client.dose_scene import Labels
from EncryptSecureRTLib.client.structures import Colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#1d2430", "#5b6675"
_PASS, _FAIL = "#2c6fb3", "#d9660a"
_REFERENCE, _EVALUATED = "#0072b2", "#d55e00"
_MOST_LEGEND = 14
_BRIGHTEST = 150  # of 255: luminance of a line on white


def new_figure(width_in: float, height_in: float) -> "Figure":
    """Return an empty figure on white paper."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def literal(text: str) -> str:
    """Return text in which nothing is a formula to matplotlib."""
    return text.replace("$", r"\$")


def histogram_figure(gamma: GammaPart) -> "Figure | None":
    """Draw how often gamma has which value, what passes apart from what fails."""
    if gamma.histogram is None or not gamma.whole.evaluated:
        return None
    figure = new_figure(8.0, 2.7)
    axes = figure.add_axes((0.09, 0.2, 0.87, 0.7))
    edges, counts = np.array(gamma.histogram.edges), np.array(gamma.histogram.counts)
    share = 100.0 * counts / gamma.whole.evaluated
    colours = [_PASS if right <= 1 + 1e-9 else _FAIL for right in edges[1:]]
    axes.bar(edges[:-1], share, np.diff(edges), align="edge", color=colours, linewidth=0)
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(f"gamma (values above {gamma.options.cap:g} count at the cap)", fontsize=9)
    axes.set_ylabel("% of evaluated points", fontsize=9)
    _plain(axes)
    for words, x, ha, colour in (("pass", 0.985, "right", _PASS), ("fail", 1.015, "left", _FAIL)):
        axes.text(
            x, 0.97, words, transform=axes.get_xaxis_transform(), ha=ha, va="top",
            fontsize=9, fontweight="bold", color=colour,
        )  # fmt: skip
    return figure


def dvh_figure(
    outcome: DoseOutcome, labels: Labels, numbers: Sequence[int], *, height_in: float = 4.4
) -> "Figure | None":
    """Draw the DVHs of structures: the reference solid, the evaluated dashed."""
    from matplotlib.lines import Line2D

    shown = [n for n in numbers if (n, CurveOf.REFERENCE) in outcome.curves]
    if not shown:
        return None
    figure = new_figure(8.0, height_in)
    axes = figure.add_axes((0.08, 0.56 / height_in, 0.66, 1 - 0.8 / height_in))
    handles = []
    order = [part.number for part in outcome.comparison.dvh or ()]
    top_gy = 0.0
    for number in shown:
        colour = _on_white(labels.colour(number, order.index(number)))
        for dose, line in ((CurveOf.REFERENCE, "-"), (CurveOf.EVALUATED, (0, (4, 2)))):
            curve = outcome.curves.get((number, dose))
            if curve is not None:
                x, y = curve.dose_gy, 100 * curve.fraction
                axes.plot([0, *x], [y[0], *y], color=colour, linestyle=line, linewidth=1.4)
                top_gy = max(top_gy, float(x[-1]))
        handles.append(
            Line2D([], [], color=colour, linewidth=2.5, label=literal(labels.name(number)))
        )
    axes.set_xlim(0, top_gy * 1.02 or 1)
    axes.set_ylim(0, 102)
    axes.set_xlabel("dose in Gy", fontsize=9)
    axes.set_ylabel("% of the structure's volume inside the grid", fontsize=9)
    _plain(axes)
    axes.grid(color="#e3e7ec", linewidth=0.6)
    axes.set_axisbelow(True)
    kinds = [
        Line2D([], [], color=INK, linewidth=1.4, label="reference"),
        Line2D([], [], color=INK, linewidth=1.4, linestyle=(0, (4, 2)), label="evaluated"),
    ]
    if len(handles) > _MOST_LEGEND:
        more = f"and {len(handles) - _MOST_LEGEND} more"
        handles = [*handles[:_MOST_LEGEND], Line2D([], [], linewidth=0, label=more)]
    figure.legend(
        handles=[*kinds, *handles],
        loc="upper left",
        bbox_to_anchor=(0.755, 1 - 0.2 / height_in),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
    )
    return figure


def profile_figure(part: ProfilePart) -> "Figure":
    """Draw both doses along a line, and below it their difference; a gap is outside a dose."""
    figure = new_figure(8.0, 3.7)
    above = figure.add_axes((0.09, 0.43, 0.88, 0.53))
    below = figure.add_axes((0.09, 0.125, 0.88, 0.25), sharex=above)
    x = np.array(part.position_mm)
    one, other = (
        np.array([np.nan if dose is None else dose for dose in doses])
        for doses in (part.reference_gy, part.evaluated_gy)
    )
    above.plot(x, one, color=_REFERENCE, linewidth=1.4, label="reference")
    above.plot(x, other, color=_EVALUATED, linewidth=1.4, linestyle=(0, (4, 2)), label="evaluated")
    above.set_ylim(bottom=0)
    above.set_ylabel("dose in Gy", fontsize=9)
    above.legend(frameon=False, fontsize=8.5, labelcolor=INK)
    below.axhline(0.0, color=FAINT, linewidth=0.8)
    below.plot(x, other - one, color=INK, linewidth=1.2)
    below.set_ylabel("eval. - ref.\nin Gy", fontsize=9)
    below.set_xlabel("mm from the start of the line", fontsize=9)
    above.set_xlim(float(x[0]), float(x[-1]))
    above.tick_params(labelbottom=False)
    figure.align_ylabels([above, below])
    for axes in (above, below):
        _plain(axes)
        axes.grid(color="#e3e7ec", linewidth=0.6)
        axes.set_axisbelow(True)
    return figure


def _on_white(colour: Colour) -> str:
    """Return a colour that is seen on white paper, in hex: yellow becomes darker."""
    luminance = float(np.dot(colour, (0.2126, 0.7152, 0.0722)))
    share = min(1.0, _BRIGHTEST / luminance) if luminance else 1.0
    return "#{:02x}{:02x}{:02x}".format(*(round(part * share) for part in colour))


def _plain(axes: "Axes") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK)
