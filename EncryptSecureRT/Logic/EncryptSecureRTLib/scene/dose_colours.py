"""Colours of gamma and of dose differences, told apart by most kinds of colour vision.

    gamma        teal to pale yellow up to 1 | orange to dark red above: a step at exactly 1
    difference   blue below 0, white at 0, orange to red above

Slice views take a voxel to one of 256 colours: number trunc(255 (value - low) / (high - low)). For
gamma `high` is chosen so that a colour ends just above 1, and so no voxel that fails is drawn in
a colour of those that pass.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from EncryptSecureRTLib.scene.mrml import Node, Scene
from EncryptSecureRTLib.scene.neutral import REF_ATTRIBUTE, Kind, neutral_name, new_ref

COLOURS = 256
_PASSING = ((0, 130, 130), (110, 200, 160), (255, 250, 190))
_FAILING = ((225, 80, 0), (160, 20, 0), (90, 0, 10))
_DIFFERENCE = ((10, 40, 120), (60, 130, 210), (250, 250, 250), (240, 130, 40), (140, 10, 10))
_ABOVE_ONE = 1.0 + 1e-6  # single precision has steps of 1.2e-7 there
Colours = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """256 colours, float64 (256, 3) of 0 to 1, from the value `low` to the value `high`."""

    low: float
    high: float
    rgb: Colours = field(repr=False)


def gamma_scale(cap: float) -> Scale:
    """Return the colours of gamma from 0 to about `cap`, above 1, which is what larger ones have.

    The first colours, up to and with number n, are of gamma at most 1.
    """
    passing = max(1, round((COLOURS - 1) / cap))
    rgb = np.concatenate([_ramp(_PASSING, passing), _ramp(_FAILING, COLOURS - passing)])
    return Scale(low=0.0, high=(COLOURS - 1) * _ABOVE_ONE / passing, rgb=rgb)


def difference_scale(limit_gy: float) -> Scale:
    """Return the colours of a dose difference from -`limit_gy` to `limit_gy`."""
    return Scale(low=-limit_gy, high=limit_gy, rgb=_ramp(_DIFFERENCE, COLOURS))


def add_colours(scene: Scene, scale: Scale) -> Node:
    """Add a colour table of a scale's colours and return it.

    Colours are called by their numbers: without a name none is saved.
    """
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)  # else the one that was created is never freed
    ref = new_ref()
    node.SetName(neutral_name(Kind.COLOURS, ref))
    node.SetAttribute(REF_ATTRIBUTE, ref)
    node.SetTypeToUser()
    node.SetNumberOfColors(COLOURS)
    for n, (red, green, blue) in enumerate(scale.rgb.tolist()):
        node.SetColor(n, red, green, blue, 1.0)
        node.SetColorName(n, str(n))
    node.GetLookupTable().SetRange(0, COLOURS - 1)
    return scene.AddNode(node)


def _ramp(anchors: tuple[tuple[int, int, int], ...], steps: int) -> Colours:
    """Return (steps, 3) colours of 0 to 1 on straight lines between anchors of 0 to 255."""
    at = np.linspace(0.0, len(anchors) - 1.0, steps)
    places = np.arange(len(anchors))
    values = np.asarray(anchors, np.float64) / 255
    return np.stack([np.interp(at, places, values[:, channel]) for channel in range(3)], axis=-1)
