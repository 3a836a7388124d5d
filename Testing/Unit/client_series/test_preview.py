"""The preview picture: what is in it, by its pixels."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.image import imread

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.preview import draw_preview

SPACING_MM = (4.0, 2.0, 2.0)
GREEN, BLUE = (80, 220, 100), (90, 160, 255)
Picture = npt.NDArray[np.int64]


def phantom() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return a box of water with a smaller one in its left (high i), upper (high k) part."""
    hu = np.full((30, 60, 80), -1000, np.int16)
    body, inner = np.zeros(hu.shape, np.bool_), np.zeros(hu.shape, np.bool_)
    body[2:28, 10:50, 10:70] = True
    inner[18:26, 20:40, 50:65] = True
    hu[body] = 0
    return hu, body, inner


def picture(path: Path) -> Picture:
    values: Picture = np.rint(imread(path)[..., :3] * 255).astype(np.int64)
    return values


def places_of(image: Picture, colour: tuple[int, int, int]) -> npt.NDArray[np.int64]:
    """Return (row, column) of the pixels of that colour, above the legend."""
    near = np.abs(image - colour).max(axis=-1) < 12
    found: npt.NDArray[np.int64] = np.argwhere(near[: int(0.85 * len(image))])
    return found


def draw(path: Path, *, simulated: bool = False, flip: bool = False) -> Picture:
    hu, body, inner = phantom()
    step = -1 if flip else 1
    draw_preview(
        hu[:, :, ::step],
        SPACING_MM,
        [("External", GREEN, body[:, :, ::step]), ("Lung_L", BLUE, inner[:, :, ::step])],
        path,
        title="Synthetic box",
        simulated=simulated,
        direction=(float(step), 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    return picture(path)


def test_the_patients_left_is_on_the_right_and_up_is_up(tmp_path: Path) -> None:
    image = draw(tmp_path / "preview.png")

    width = image.shape[1]
    for first, last in ((0.0, 0.36), (0.36, 0.70)):  # axial, coronal
        columns = slice(int(first * width), int(last * width))
        outer, inner = places_of(image[:, columns], GREEN), places_of(image[:, columns], BLUE)
        assert inner[:, 1].mean() > outer[:, 1].mean() + 20
        if first:
            assert inner[:, 0].mean() < outer[:, 0].mean() - 20


def test_millimetres_have_the_same_length_in_all_directions(tmp_path: Path) -> None:
    image = draw(tmp_path / "preview.png")

    axial = places_of(image[:, : int(0.36 * image.shape[1])], GREEN)
    height, width = np.ptp(axial, axis=0)
    assert width / height == pytest.approx(120 / 80, rel=0.03)


def test_an_array_that_runs_the_other_way_gives_the_same_picture(tmp_path: Path) -> None:
    straight = draw(tmp_path / "a.png")
    mirrored = draw(tmp_path / "b.png", flip=True)

    np.testing.assert_array_equal(straight, mirrored)


def test_the_same_input_gives_the_same_file(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png")

    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_simulated_result_has_a_red_band_and_only_that(tmp_path: Path) -> None:
    red = np.array((198, 40, 40))

    marked = draw(tmp_path / "marked.png", simulated=True)
    plain = draw(tmp_path / "plain.png")

    assert (np.abs(marked[3] - red).max(axis=-1) < 3).all()
    assert not (np.abs(plain - red).max(axis=-1) < 3).any()


def test_nothing_found_is_drawn_without_contours(tmp_path: Path) -> None:
    hu, body, _ = phantom()
    path = tmp_path / "preview.png"

    draw_preview(
        hu, SPACING_MM, [("Bone", GREEN, body & False)], path, title="Empty", simulated=False
    )

    assert len(places_of(picture(path), GREEN)) == 0


def test_a_single_slice_can_be_drawn(tmp_path: Path) -> None:
    hu, body, _ = phantom()
    path = tmp_path / "preview.png"

    draw_preview(
        hu[5:6], SPACING_MM, [("External", GREEN, body[5:6])], path, title="One", simulated=False
    )

    assert len(places_of(picture(path), GREEN)) > 100


def test_a_folder_that_is_not_there_has_its_code(tmp_path: Path) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        draw(tmp_path / "absent" / "preview.png")

    assert refused.value.code is ErrorCode.E_LOCAL_FILE
