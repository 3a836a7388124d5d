"""Pictures of a panel: there is something on them, and theme, font and width make a difference."""

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from Testing.host.load import Host, Loaded


def _size(path: Path) -> tuple[int, ...]:
    return struct.unpack_from(">II", path.read_bytes(), 16)


def _colours(host: "Host", path: Path) -> set[int]:
    """Return the colours of every third pixel."""
    image: Any = host.qt.QImage(str(path))
    width_px, height_px = _size(path)
    return {image.pixel(x, y) for x in range(0, width_px, 3) for y in range(0, height_px, 3)}


def test_picture_has_the_width_asked_for_and_something_on_it(
    host: "Host", small: "Loaded", tmp_path: Path
) -> None:
    path = host.screenshot(small.root, tmp_path / "panel.png", width=420)

    assert _size(path)[0] == 420
    assert _size(path)[1] > 100
    assert len(_colours(host, path)) > 20


def test_dark_picture_is_dark_and_light_one_light(
    host: "Host", small: "Loaded", tmp_path: Path
) -> None:
    light = host.screenshot(small.root, tmp_path / "light.png")
    dark = host.screenshot(small.root, tmp_path / "dark.png", dark=True)
    again = host.screenshot(small.root, tmp_path / "again.png")

    background = {"light": host.qt.QImage(str(light)), "dark": host.qt.QImage(str(dark))}
    lightness = {
        name: host.qt.QColor(image.pixel(1, 1)).lightness() for name, image in background.items()
    }
    assert lightness["light"] > 200
    assert lightness["dark"] < 80
    assert light.read_bytes() != dark.read_bytes()
    assert light.read_bytes() == again.read_bytes()


def test_larger_font_makes_a_higher_picture_and_leaves_nothing_behind(
    host: "Host", small: "Loaded", tmp_path: Path
) -> None:
    heights = [
        _size(host.screenshot(small.root, tmp_path / f"{percent}.png", font_percent=percent))[1]
        for percent in (100, 200, 100)
    ]

    assert heights[1] > 1.3 * heights[0]
    assert heights[2] == heights[0]


def test_collapsed_section_is_not_on_the_picture(
    host: "Host", small: "Loaded", tmp_path: Path
) -> None:
    collapsed = host.screenshot(small.root, tmp_path / "collapsed.png")
    small.widget.ui.advanced.collapsed = False
    opened = host.screenshot(small.root, tmp_path / "opened.png")

    assert _size(opened)[1] > _size(collapsed)[1]


@pytest.mark.parametrize("percent", [49, 401])
def test_font_that_nobody_could_read_is_refused(
    host: "Host", small: "Loaded", tmp_path: Path, percent: int
) -> None:
    with pytest.raises(ValueError, match="between 50 % and 400 %"):
        host.screenshot(small.root, tmp_path / "panel.png", font_percent=percent)


def test_picture_that_cannot_be_written_is_an_error(
    host: "Host", small: "Loaded", tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="cannot be written"):
        host.screenshot(small.root, tmp_path / "no folder" / "panel.png")
