"""Colours of gamma: a step at exactly 1 that is seen, whichever colours a person tells apart."""

import numpy as np
import numpy.typing as npt
import pytest

from EncryptSecureRTLib.scene.dose_colours import COLOURS, difference_scale, gamma_scale

Colours = npt.NDArray[np.float64]
# Machado, Oliveira, Fernandes 2009, severity 1, for linear RGB.
VISION = {
    "most people": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193, 0.1192, 0.9503]]
)


def _lab(rgb: Colours, vision: str) -> Colours:
    """Return CIELAB (D65) of sRGB colours as they are seen."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ VISION[vision].T, 0, 1)
    xyz = seen @ _TO_XYZ.T / (0.95047, 1.0, 1.08883)
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _number(value: float, low: float, high: float) -> int:
    return int(np.clip((value - low) / (high - low), 0, 1) * (COLOURS - 1))


@pytest.mark.parametrize("cap", [1.2, 1.5, 2.0, 3.0, 10.0])
def test_last_colour_that_passes_ends_at_one(cap: float) -> None:
    scale = gamma_scale(cap)
    passing = _number(1.0, scale.low, scale.high)

    assert _number(1.0 + 2e-6, scale.low, scale.high) == passing + 1
    assert scale.rgb.shape == (COLOURS, 3)
    step = np.abs(np.diff(scale.rgb, axis=0)).sum(axis=1)
    assert step.argmax() == passing
    assert scale.high == pytest.approx(cap, rel=0.05)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("cap", [1.5, 2.0, 10.0])
def test_no_colour_that_fails_looks_like_one_that_passes(vision: str, cap: float) -> None:
    scale = gamma_scale(cap)
    lab = _lab(scale.rgb, vision)
    first = _number(1.0, scale.low, scale.high) + 1

    apart = np.linalg.norm(lab[:first, None] - lab[None, first:], axis=-1)

    # 2.3 is a difference that is just seen side by side; half transparent over a CT takes half.
    assert apart.min() > 40


@pytest.mark.parametrize("vision", VISION)
def test_more_dose_never_looks_like_less(vision: str) -> None:
    lab = _lab(difference_scale(1.0).rgb, vision)

    # An eighth of the range off zero on either side, and everything beyond.
    less, more = lab[: 7 * COLOURS // 16], lab[9 * COLOURS // 16 :]

    assert np.linalg.norm(less[:, None] - more[None], axis=-1).min() > 20


def test_no_difference_is_white_and_the_ends_are_even() -> None:
    scale = difference_scale(2.0)

    assert (scale.low, scale.high) == (-2.0, 2.0)
    assert scale.rgb[COLOURS // 2 - 1 : COLOURS // 2 + 1].min() > 0.95
