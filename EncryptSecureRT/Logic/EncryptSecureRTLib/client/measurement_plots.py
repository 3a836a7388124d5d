"""Pictures of a measured plane: both doses, their difference, gamma, and profiles through it.

A plane is drawn along its own rows and columns. Where these run along x, y or z (LPS), the axes are
these coordinates and the plane lies as a radiologist sees it; else they are distances from the
first value, whose row is on top.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from encryptsecurert_protocol.measurement_results import MeasurementComparison
from EncryptSecureRTLib.client.dose_planes import gamma_colours
from EncryptSecureRTLib.client.dose_plots import FAINT, INK, new_figure
from EncryptSecureRTLib.client.dose_scene import Floats
from EncryptSecureRTLib.client.measurement_outcome import MeasuredMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NOWHERE = "#d7dbe0"
_PANEL_IN = 2.78  # what margins and bars of two panels leave of 8 inches, each
_MEASURED, _CALCULATED = "#1d2430", "#0072b2"
_MAIN_AXIS = 0.999  # of a direction's largest component: within 2.6 degrees of x, y or z
_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))  # where x, y, z are small, and where large
_TITLES = {
    "measured": "Measured dose",
    "calculated": "Calculated dose",
    "difference": "Calculated - measured",
    "gamma": "Gamma",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Axis:
    """One axis of a plane: positions of its values in mm, what it is called, letters at its ends.

    Attributes
    ----------
    ascends : whether positions ascend with the number of the value.
    """

    position_mm: Floats
    name: str
    ends: tuple[str, str]

    @property
    def ascends(self) -> bool:
        return len(self.position_mm) < 2 or bool(self.position_mm[1] > self.position_mm[0])

    @property
    def step_mm(self) -> float:
        if len(self.position_mm) < 2:
            return 1.0
        return float(abs(self.position_mm[1] - self.position_mm[0]))


def plane_axes(maps: MeasuredMaps) -> tuple[_Axis, _Axis]:
    """Return (along a row, along a column)."""
    grid = maps.grid
    directions = np.reshape(grid.direction, (3, 3))
    _, rows, columns = grid.shape
    return (
        _axis(maps, directions[:, 0], columns, grid.spacing_mm[2], "along a row"),
        _axis(maps, directions[:, 1], rows, grid.spacing_mm[1], "along a column"),
    )


def plane_words(maps: MeasuredMaps) -> str:
    """Say where the plane is, if it lies across x, y or z."""
    normal = np.reshape(maps.grid.direction, (3, 3))[:, 2]
    main = int(np.abs(normal).argmax())
    if abs(float(normal[main])) < _MAIN_AXIS:
        return "The plane is oblique."
    return f"The plane is at {'xyz'[main]} = {maps.grid.origin_lps_mm[main]:g} mm (LPS)."


def _axis(maps: MeasuredMaps, direction: Floats, count: int, step_mm: float, name: str) -> _Axis:
    offsets_mm = np.arange(count) * step_mm
    main = int(np.abs(direction).argmax())
    if abs(float(direction[main])) < _MAIN_AXIS:
        return _Axis(position_mm=offsets_mm, name=f"{name} in mm", ends=("", ""))
    position_mm = maps.grid.origin_lps_mm[main] + offsets_mm * np.sign(direction[main])
    return _Axis(position_mm=position_mm, name=f"{'xyz'[main]} in mm (LPS)", ends=_LETTERS[main])


def planes_figure(maps: MeasuredMaps, comparison: MeasurementComparison) -> "Figure | None":
    """Draw both doses, their difference and gamma; None of a single row or column."""
    planes = {
        "measured": maps.measured_gy,
        "calculated": maps.calculated_gy,
        "difference": maps.difference_gy,
        **({} if maps.gamma is None else {"gamma": maps.gamma}),
    }
    if min(maps.measured_gy.shape) < 2:
        return None
    across, down = plane_axes(maps)
    width_mm = across.step_mm * len(across.position_mm)
    aspect = float(np.clip(down.step_mm * len(down.position_mm) / width_mm, 0.3, 2.5))
    panel_in = min(_PANEL_IN, 3.6 / aspect)
    height_in = 2 * (panel_in * aspect + 0.85) + 0.1
    figure = new_figure(8.0, height_in)
    grid = figure.add_gridspec(
        2,
        2,
        left=0.085,
        right=0.93,
        bottom=0.5 / height_in,
        top=1 - 0.36 / height_in,
        wspace=0.42,
        hspace=0.85 / (panel_in * aspect),
    )
    top_gy = float(max(np.nanmax(planes["measured"]), np.nanmax(planes["calculated"])))
    for place, (name, plane) in enumerate(planes.items()):
        axes = figure.add_subplot(grid[place // 2, place % 2])
        _draw(axes, name, plane, (across, down), _style(name, plane, top_gy, comparison))
    return figure


def _style(
    name: str, plane: Floats, top_gy: float, comparison: MeasurementComparison
) -> dict[str, Any]:
    if name == "gamma":
        cap = 2.0 if comparison.gamma is None else comparison.gamma.options.cap
        return {"cmap": gamma_colours(cap), "vmin": 0.0, "vmax": cap}
    if name == "difference":
        reach = float(np.abs(np.nan_to_num(plane)).max()) or 1e-6
        return {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach}
    return {"cmap": "inferno", "vmin": 0.0, "vmax": top_gy or 1e-6}


def _draw(
    axes: "Axes", name: str, plane: Floats, along: tuple[_Axis, _Axis], style: dict[str, Any]
) -> None:
    across, down = along
    x, y = across.position_mm, down.position_mm
    half_x = 0.5 * across.step_mm * (1 if across.ascends else -1)
    half_y = 0.5 * down.step_mm * (1 if down.ascends else -1)
    axes.set_facecolor(_NOWHERE)
    image = axes.imshow(
        np.ma.masked_invalid(plane),
        origin="upper",
        extent=(x[0] - half_x, x[-1] + half_x, y[-1] + half_y, y[0] - half_y),
        interpolation="nearest",
        **style,
    )
    axes.autoscale(False)
    if name == "gamma" and (np.nan_to_num(plane) > 1).any():
        failing = np.nan_to_num(plane) > 1
        axes.contour(x, y, failing, levels=[0.5], colors="black", linewidths=0.6)
    _turn(axes, across, down)
    axes.set_title(_TITLES[name], fontsize=10, fontweight="bold", color=INK)
    axes.set_xlabel(_with_ends(across), fontsize=8, color=FAINT)
    axes.set_ylabel(_with_ends(down), fontsize=8, color=FAINT)
    axes.tick_params(labelsize=7, colors=FAINT)
    for side in axes.spines.values():
        side.set_color("#b9c1cc")
    bar = axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0, 0.045, 1)))
    bar.ax.tick_params(labelsize=7, colors=INK)
    bar.ax.set_title("gamma" if name == "gamma" else "Gy", fontsize=8, color=INK)
    if name == "gamma":
        bar.set_ticks([0.0, 0.5, 1.0, *([style["vmax"]] if style["vmax"] > 1 else [])])
        bar.ax.axhline(1.0, color="black", linewidth=1.2)


def _turn(axes: "Axes", across: _Axis, down: _Axis) -> None:
    """Turn a plane so that x and y ascend to the right and down, z up, as images are seen."""
    if across.ends[0] and not across.ascends:
        axes.invert_xaxis()
    is_z = down.ends == _LETTERS[2]
    if down.ends[0] and down.ascends is is_z:
        axes.invert_yaxis()


def _with_ends(axis: _Axis) -> str:
    low, high = axis.ends
    return f"{axis.name}: {low} to {high}" if low else axis.name


def profiles_figure(maps: MeasuredMaps) -> "Figure | None":
    """Draw both doses along the middle row and the middle column; None of a single value."""
    across, down = plane_axes(maps)
    rows, columns = maps.measured_gy.shape
    j, i = rows // 2, columns // 2
    row = f"Row {j + 1} of {rows}"
    column = f"Column {i + 1} of {columns}"
    lines = []
    if columns > 1:
        lines.append((across, maps.measured_gy[j], maps.calculated_gy[j], row, down, j))
    if rows > 1:
        lines.append((down, maps.measured_gy[:, i], maps.calculated_gy[:, i], column, across, i))
    if not lines:
        return None
    top_gy = float(max(np.nanmax(v) for line in lines for v in line[1:3])) or 1.0
    figure = new_figure(8.0, 3.1)
    left, width, gap = 0.085, 0.395, 0.115
    for place, (axis, measured, calculated, title, other, at) in enumerate(lines):
        axes = figure.add_axes((left + place * (width + gap), 0.17, width, 0.71))
        x = axis.position_mm
        axes.plot(x, calculated, color=_CALCULATED, linewidth=1.4, label="calculated")
        axes.plot(
            x, measured, color=_MEASURED, linestyle="none", marker="o", markersize=3.2,
            markerfacecolor="white", markeredgewidth=0.9, label="measured",
        )  # fmt: skip
        where = other.name.partition(" in")[0]
        axes.set_title(
            f"{title} ({where} = {other.position_mm[at]:g} mm)", fontsize=9.5,
            fontweight="bold", color=INK,
        )  # fmt: skip
        axes.set_xlabel(_with_ends(axis), fontsize=8.5)
        axes.set_ylabel("dose in Gy", fontsize=8.5)
        axes.set_ylim(0.0, 1.08 * top_gy)
        axes.grid(color="#e3e7ec", linewidth=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.tick_params(labelsize=8, colors=INK)
        if place == 0:
            axes.legend(fontsize=8, frameon=False, labelcolor=INK)
    return figure
