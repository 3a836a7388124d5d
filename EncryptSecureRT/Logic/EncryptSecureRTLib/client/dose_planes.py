"""Planes of a dose comparison: doses with isodoses, their difference, gamma; outlines over them.

Colours are told apart by most kinds of colour vision, and nothing is told by colour alone: where
gamma passes is blue and where it fails orange, with a line between. Radiological convention.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from EncryptSecureRTLib.client.dose_criteria import figures
from EncryptSecureRTLib.client.dose_outcome import DoseOutcome
from EncryptSecureRTLib.client.dose_plots import FAINT, INK, new_figure
from EncryptSecureRTLib.client.dose_scene import DoseScene, Floats, Labels
from EncryptSecureRTLib.client.dose_shapes import drawn_levels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

_NOWHERE = "#d7dbe0"
_ISODOSES_PERCENT = (95, 80, 50, 20)
_TITLES = {
    "reference": "Reference dose",
    "evaluated": "Evaluated dose",
    "difference": "Evaluated - reference",
    "gamma": "Gamma",
}
_AXES = {0: (1, 2), 1: (0, 2), 2: (0, 1)}  # of a plane across an axis: (vertical, horizontal)
_PLANES = (
    ("axial", ("R", "L", "A", "P")),
    ("coronal", ("R", "L", "S", "I")),
    ("sagittal", ("A", "P", "S", "I")),
)


def planes_figure(scene: DoseScene, outcome: DoseOutcome, labels: Labels) -> "Figure":
    """Draw both doses, their difference and gamma on the axial plane that tells most."""
    names = [name for name in _TITLES if name in scene.volumes]
    rows, columns = scene.volumes[names[0]].shape[1:]
    aspect = rows * scene.spacing_mm[1] / (columns * scene.spacing_mm[2])
    lines = (len(names) + 1) // 2
    across = min(2, len(names))
    panel_in = 3.0 if across == 2 else 3.6
    height_in = float(np.clip(lines * (panel_in * aspect + 0.62) + 0.35, 2.6, 10.2))
    figure = new_figure(8.0 if across == 2 else 5.2, height_in)
    grid = figure.add_gridspec(
        lines,
        across,
        left=0.06,
        right=0.93,
        bottom=0.42 / height_in,
        top=1 - 0.36 / height_in,
        wspace=0.36,
        hspace=0.5 / (panel_in * aspect + 0.1),
    )
    for place, name in enumerate(names):
        axes = figure.add_subplot(grid[place // across, place % across])
        _draw(axes, scene, name, 0, outcome)
        _outline(axes, scene, labels)
        axes.set_title(_TITLES[name], fontsize=10, fontweight="bold", color=INK)
    k = scene.offset[0] + scene.at[0] + 1
    words = (
        f"Axial plane {k} of {scene.whole[0]}, from inferior: the one {_why(scene)}. Axes in mm."
    )
    figure.text(0.06, 0.1 / height_in, words, fontsize=8, color=FAINT)
    return figure


def orthogonal_figure(scene: DoseScene, outcome: DoseOutcome) -> "Figure | None":
    """Draw gamma, or the difference, on a coronal and a sagittal plane; None of a plane dose."""
    name = "gamma" if "gamma" in scene.volumes else "difference"
    if name not in scene.volumes or min(scene.volumes[name].shape) < 2:
        return None
    size_mm = np.array(scene.volumes[name].shape) * scene.spacing_mm
    width_in = 8.0
    height_in = float(np.clip(width_in * 0.8 * size_mm[0] / (size_mm[1] + size_mm[2]), 1.6, 6)) + 1
    figure = new_figure(width_in, height_in)
    grid = figure.add_gridspec(
        1,
        2,
        width_ratios=[size_mm[2], size_mm[1]],
        left=0.06,
        right=0.93,
        bottom=0.5 / height_in,
        top=1 - 0.4 / height_in,
        wspace=0.3,
    )
    for column, axis in enumerate((1, 2)):
        axes = figure.add_subplot(grid[column])
        _draw(axes, scene, name, axis, outcome)
        n = scene.offset[axis] + scene.at[axis] + 1
        title = f"{_TITLES[name]}, {_PLANES[axis][0]} {n} of {scene.whole[axis]}"
        axes.set_title(title, fontsize=10, fontweight="bold", color=INK)
    return figure


def _why(scene: DoseScene) -> str:
    if "gamma" in scene.volumes:
        failing = bool(np.nanmax(scene.volumes["gamma"]) > 1)
        return "with most points that fail" if failing else "with most gamma; no point fails"
    return "with most difference"


def _draw(axes: "Axes", scene: DoseScene, name: str, axis: int, outcome: DoseOutcome) -> None:
    """Draw one volume on the plane across an axis, with its bar."""
    plane: Floats = np.take(scene.volumes[name], scene.at[axis], axis=axis)
    vertical, horizontal = _AXES[axis]
    step_y, step_x = scene.spacing_mm[vertical], scene.spacing_mm[horizontal]
    rows, columns = plane.shape
    width_mm, height_mm = (columns - 0.5) * step_x, (rows - 0.5) * step_y
    points_up = axis != 0
    low = (-0.5 * step_x, width_mm)
    extent = (*low, -0.5 * step_y, height_mm) if points_up else (*low, height_mm, -0.5 * step_y)
    style, bar = _style(name, plane, scene, outcome)
    axes.set_facecolor(_NOWHERE)
    image = axes.imshow(
        np.ma.masked_invalid(plane),
        origin="lower" if points_up else "upper",
        extent=extent,
        interpolation="nearest",
        **style,
    )
    axes.autoscale(False)  # what is drawn over it may reach beyond it
    x, y = np.arange(columns) * step_x, np.arange(rows) * step_y
    _lines(axes, x, y, plane, name, outcome)
    axes.tick_params(labelsize=7, colors=FAINT)
    for side in axes.spines.values():
        side.set_color("#b9c1cc")
    _letters(axes, _PLANES[axis][1], dark=name in ("reference", "evaluated"))
    colour_bar = axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0, 0.045, 1)), **bar)
    colour_bar.ax.tick_params(labelsize=7, colors=INK)
    label = {"difference": "Gy", "gamma": "gamma"}.get(name, "Gy")
    colour_bar.ax.set_title(label, fontsize=8, color=INK)
    if name == "gamma":
        colour_bar.ax.axhline(1.0, color="black", linewidth=1.2)


def _style(
    name: str, plane: Floats, scene: DoseScene, outcome: DoseOutcome
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how a volume is coloured, and how its bar is drawn."""
    if name == "gamma":
        cap = _cap(outcome)
        return {"cmap": gamma_colours(cap), "vmin": 0.0, "vmax": cap}, {
            "ticks": [0.0, 0.5, 1.0, *([cap] if cap > 1 else [])]
        }
    if name == "difference":
        reach = float(np.abs(np.nan_to_num(plane)).max()) or 1e-6
        return {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach}, {}
    doses = [v for n, v in scene.volumes.items() if n in ("reference", "evaluated")]
    return {"cmap": "inferno", "vmin": 0.0, "vmax": max(float(np.nanmax(v)) for v in doses)}, {}


def _cap(outcome: DoseOutcome) -> float:
    gamma = outcome.comparison.gamma
    return 2.0 if gamma is None else gamma.options.cap


def gamma_colours(cap: float) -> "ListedColormap":
    """Return blues up to 1 and oranges above; both get darker away from 1."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    steps = 512
    below = max(1, round(steps / cap))
    blue = colormaps["Blues"](np.linspace(0.85, 0.18, below))
    orange = colormaps["Oranges"](np.linspace(0.45, 0.95, steps - below))
    return ListedColormap(np.vstack([blue, orange]))


def _lines(
    axes: "Axes", x: Floats, y: Floats, plane: Floats, name: str, outcome: DoseOutcome
) -> None:
    """Draw isodoses of a dose, the border of what fails of a gamma."""
    from matplotlib.patheffects import AbstractPathEffect, withStroke

    if min(plane.shape) < 2:
        return
    if name == "gamma":
        failing = np.nan_to_num(plane) > 1
        if failing.any():
            axes.contour(x, y, failing, levels=[0.5], colors="black", linewidths=0.6)
    elif name != "difference":
        top_gy = float(np.nanmax(plane))
        levels = _levels(outcome)
        seen = sorted(level for level in levels if level < top_gy)
        if seen:
            lines = axes.contour(
                x, y, np.nan_to_num(plane), levels=seen, colors="white", linewidths=0.8
            )
            # Seen on the brightest dose, too.
            rim: list[AbstractPathEffect] = [withStroke(linewidth=1.8, foreground="#303030")]
            lines.set_path_effects(rim)
            for words in axes.clabel(lines, fmt=dict(levels), fontsize=6.5, inline_spacing=2):
                words.set_path_effects(rim)


def _levels(outcome: DoseOutcome) -> Mapping[float, str]:
    return drawn_levels(outcome.comparison, _norm_gy(outcome), _ISODOSES_PERCENT)


def _norm_gy(outcome: DoseOutcome) -> float:
    gamma = outcome.comparison.gamma
    return outcome.comparison.reference.maximum_gy if gamma is None else gamma.norm_gy


def isodose_words(outcome: DoseOutcome) -> str:
    """Say what the isodoses of the pictures are of."""
    if outcome.comparison.isodoses:
        return f"Isodoses at {', '.join(reversed(list(_levels(outcome).values())))}."
    percent = ", ".join(str(p) for p in _ISODOSES_PERCENT)
    return f"Isodoses at {percent} % of {figures(_norm_gy(outcome))} Gy."


def _outline(axes: "Axes", scene: DoseScene, labels: Labels) -> None:
    for place, number in enumerate(sorted(labels.contours)):
        red, green, blue = (part / 255 for part in labels.colour(number, place))
        for outline in scene.on_plane(number):
            closed = np.vstack([outline, outline[:1]])
            axes.plot(
                closed[:, 0],
                closed[:, 1],
                color=(red, green, blue),
                linewidth=0.9,
                scalex=False,
                scaley=False,
            )


def _letters(axes: "Axes", letters: Sequence[str], *, dark: bool) -> None:
    from matplotlib.patheffects import withStroke

    rim = [withStroke(linewidth=2.2, foreground="black" if dark else "white")]
    places = ((0.025, 0.5), (0.975, 0.5), (0.5, 0.975), (0.5, 0.025))
    for letter, (x, y), ha, va in zip(
        letters,
        places,
        ("left", "right", "center", "center"),
        ("center", "center", "top", "bottom"),
        strict=True,
    ):
        axes.text(
            x,
            y,
            letter,
            transform=axes.transAxes,
            ha=ha,
            va=va,
            fontsize=8,
            fontweight="bold",
            color="#ffd54f" if dark else INK,
            path_effects=rim,
        )
