"""A picture of a result: three planes of the CT with the contours of the structures over it.

For a person to see at a glance whether a result is plausible; numbers come from the results
themselves. Radiological convention: the patient's right is on the left of the picture, and a
sagittal plane looks to the patient's right, so anterior is on the left. All three planes have
the same scale. matplotlib is imported late and without its global state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.segments import DrawnStructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SOFT_TISSUE_HU = (-160, 240)
_CHEST_HU = (-1000, 400)  # lung and soft tissue at once
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_WIDTH_IN = 15.0
_BAND = "SIMULATED - not protected"
_PAPER, _INK, _RED = "#101216", "#e8eaed", "#c62828"


@dataclass(frozen=True, slots=True)
class _Plane:
    """One plane: what it is called, its axis, and the letters left, right, top, bottom."""

    name: str
    axis: int  # in (k, j, i)
    letters: tuple[str, str, str, str]
    points_up: bool  # whether the vertical array axis points up (superior) or down (posterior)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What is drawn, with axes (S, P, L): k to superior, j to posterior, i to the left."""

    volume: npt.NDArray[np.int16]
    spacing_mm: npt.NDArray[np.float64]
    structures: tuple[DrawnStructure, ...]

    @property
    def window_hu(self) -> tuple[int, int]:
        """The grey scale: wide if lungs are to be seen."""
        lungs = any(s.label.startswith("Lung") for s in self.structures)
        return _CHEST_HU if lungs else _SOFT_TISSUE_HU


_PLANES = (
    _Plane("axial", 0, ("R", "L", "A", "P"), points_up=False),
    _Plane("coronal", 1, ("R", "L", "S", "I"), points_up=True),
    _Plane("sagittal", 2, ("A", "P", "S", "I"), points_up=True),
)


def draw_preview(  # noqa: PLR0913 - a picture is told by this much; all but four by name
    hu: npt.NDArray[np.int16],
    spacing_mm: tuple[float, float, float],
    structures: Sequence[tuple[str, tuple[int, int, int], npt.NDArray[np.bool_]]],
    path: Path,
    *,
    title: str,
    simulated: bool,
    direction: tuple[float, ...] = _IDENTITY,
) -> None:
    """Write a PNG of a CT and structures on it.

    Parameters
    ----------
    hu : int16 (k, j, i)
    spacing_mm : (k, j, i)
    structures : (label, RGB colour 0 to 255, mask bool (k, j, i)) each
    path : where to write; an existing file is replaced.
    title : above the picture; fixed words, never a name or identifier of a patient.
    simulated : draw the red band.
    direction : 9 numbers, row-major; columns are the i, j, k axes in LPS. Oblique axes are
        shown along the nearest patient axis.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    order, flips = to_lps(direction)
    view = _View(
        volume=np.flip(hu.transpose(order), flips),
        spacing_mm=np.asarray(spacing_mm)[list(order)],
        structures=tuple(
            DrawnStructure(label, colour, np.flip(mask.transpose(order), flips))
            for label, colour, mask in structures
        ),
    )
    size_mm = view.spacing_mm * view.volume.shape  # (k, j, i)
    widths_mm = [size_mm[2], size_mm[2], size_mm[1]]
    tallest_mm = max(size_mm[1], size_mm[0])
    height_in = float(np.clip(0.87 * _WIDTH_IN * tallest_mm / sum(widths_mm), 2.5, 14.0)) + 2.2
    figure = Figure(figsize=(_WIDTH_IN, height_in), dpi=100, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        1,
        3,
        width_ratios=widths_mm,
        left=0.05,
        right=0.975,
        wspace=0.16,
        bottom=1.15 / height_in,
        top=1 - 1.0 / height_in,
    )
    centre = _centre(view)
    for column, plane in enumerate(_PLANES):
        _draw_plane(figure.add_subplot(grid[column]), plane, view, centre)
    _draw_frame(figure, title, view)
    if simulated:
        _draw_band(figure)
    try:
        figure.savefig(path, format="png", facecolor=_PAPER, metadata={"Software": None})
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def to_lps(direction: tuple[float, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the order and the flips that turn (k, j, i) arrays to (S, P, L) axes."""
    matrix = np.asarray(direction).reshape(3, 3)  # rows x, y, z; columns i, j, k
    columns = max(
        permutations(range(3)),
        key=lambda c: float(sum(abs(matrix[row, c[row]]) for row in range(3))),
    )
    order = tuple(2 - columns[row] for row in (2, 1, 0))
    flips = tuple(n for n, row in enumerate((2, 1, 0)) if matrix[row, columns[row]] < 0)
    return order, flips


def _centre(view: _View) -> tuple[int, ...]:
    """Return, for each axis, the plane that shows most of most structures.

    Each structure counts with the square root of its section's share of its largest section, so
    that two that are seen fairly weigh more than one that is seen fully.
    """
    found = []
    for axis in range(3):
        others = tuple(n for n in range(3) if n != axis)
        areas = [s.mask.sum(axis=others) for s in view.structures]
        shares = [np.sqrt(area / area.max()) for area in areas if area.any()]
        size = view.volume.shape[axis]
        found.append(int(np.sum(shares, axis=0).argmax()) if shares else size // 2)
    return tuple(found)


def _draw_plane(axes: "Axes", plane: _Plane, view: _View, centre: tuple[int, ...]) -> None:
    at = centre[plane.axis]
    image = view.volume.take(at, axis=plane.axis)
    vertical, horizontal = {0: (1, 2), 1: (0, 2), 2: (0, 1)}[plane.axis]
    step_y, step_x = float(view.spacing_mm[vertical]), float(view.spacing_mm[horizontal])
    rows, columns = view.volume.shape[vertical], view.volume.shape[horizontal]
    width, height = columns * step_x, rows * step_y
    origin: Literal["lower", "upper"] = "lower" if plane.points_up else "upper"
    extent = (0.0, width, 0.0, height) if plane.points_up else (0.0, width, height, 0.0)
    axes.imshow(
        image,
        cmap="gray",
        vmin=view.window_hu[0],
        vmax=view.window_hu[1],
        origin=origin,
        extent=extent,
        interpolation="bilinear",
    )
    x, y = (np.arange(columns) + 0.5) * step_x, (np.arange(rows) + 0.5) * step_y
    for label, colour, mask in view.structures:
        section = mask.take(at, axis=plane.axis)
        if section.any() and min(section.shape) > 1:
            line = 1.6 if label == "External" else 1.1
            axes.contour(x, y, section, levels=[0.5], colors=[_hex(colour)], linewidths=line)
    faint: dict[str, Any] = {
        "color": "white",
        "linewidth": 0.5,
        "alpha": 0.35,
        "linestyle": (0, (6, 6)),
    }
    axes.axvline((centre[horizontal] + 0.5) * step_x, **faint)
    axes.axhline((centre[vertical] + 0.5) * step_y, **faint)
    axes.set_title(f"{plane.name}, slice {at + 1} of {view.volume.shape[plane.axis]}", color=_INK)
    axes.set_xlabel("mm", color=_INK)
    axes.tick_params(colors=_INK, labelsize=8)
    _draw_letters(axes, plane.letters)
    _draw_scale_bar(axes, width)


def _draw_letters(axes: "Axes", letters: tuple[str, str, str, str]) -> None:
    places = ((0.02, 0.5), (0.98, 0.5), (0.5, 0.98), (0.5, 0.02))
    across = ("left", "right", "center", "center")
    along = ("center", "center", "top", "bottom")
    for letter, (x, y), ha, va in zip(letters, places, across, along, strict=True):
        _text_on_image(axes, (x, y), letter, color="#ffd54f", size=13, ha=ha, va=va)


def _draw_scale_bar(axes: "Axes", width_mm: float) -> None:
    length_mm = max(n for n in (1, 2, 5, 10, 20, 50, 100) if n == 1 or n <= width_mm / 3)
    right, y = 0.96, 0.045
    left = right - length_mm / width_mm
    for color, line in (("black", 5), ("white", 2.5)):
        axes.plot([left, right], [y, y], transform=axes.transAxes, color=color, linewidth=line)
    middle = ((left + right) / 2, y + 0.02)
    _text_on_image(axes, middle, f"{length_mm} mm", color="white", size=9, ha="center", va="bottom")


def _text_on_image(axes: "Axes", place: tuple[float, float], text: str, **style: Any) -> None:
    """Write with a dark rim, so that it can be read on bone and on air."""
    from matplotlib.patheffects import withStroke

    rim = [withStroke(linewidth=2.5, foreground="black")]
    axes.text(*place, text, transform=axes.transAxes, fontweight="bold", path_effects=rim, **style)


def _draw_frame(figure: "Figure", title: str, view: _View) -> None:
    """Draw what is around the planes: title, legend with volumes, notice."""
    from matplotlib.lines import Line2D

    height_in = figure.get_figheight()
    figure.text(0.05, 1 - 0.62 / height_in, title, color=_INK, fontsize=13, fontweight="bold")
    voxel_cc = float(np.prod(view.spacing_mm)) / 1000.0
    handles = []
    for label, colour, mask in view.structures:
        volume_cc = np.count_nonzero(mask) * voxel_cc
        text = f"{label}  {volume_cc:,.1f} cm³" if volume_cc else f"{label}  not found"
        handles.append(Line2D([], [], color=_hex(colour), linewidth=3, label=text))
    if handles:
        figure.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, 0.3 / height_in),
            ncols=min(len(handles), 5),
            frameon=False,
            labelcolor=_INK,
            fontsize=11,
        )
    low, high = view.window_hu
    notice = f"CT window {low} to {high} HU. Research use: not for clinical use without review."
    figure.text(0.5, 0.12 / height_in, notice, color="#9aa0a6", fontsize=8, ha="center")


def _draw_band(figure: "Figure") -> None:
    from matplotlib.patches import Rectangle

    share = 0.34 / figure.get_figheight()
    band = Rectangle((0, 1 - share), 1, share, color=_RED, transform=figure.transFigure)
    figure.add_artist(band)
    text = figure.text(0.5, 1 - share / 2, _BAND, ha="center", va="center_baseline")
    text.set(color="white", fontsize=13, fontweight="bold")


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
