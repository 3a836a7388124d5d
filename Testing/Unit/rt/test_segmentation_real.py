"""Classical segmentation of real CTs of the data pack beside the checkout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from data_pack import DATA

from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation import (
    SegmentationWarning,
    SegmentedStructure,
    Structure,
    segment_ct,
)

sitk = pytest.importorskip("SimpleITK", reason="SimpleITK reads the images")

LUNG = DATA / "reg_lung_landmarks_elastix"
TOTAL = DATA / "ct_abdpelvis_totalseg"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the data pack is not beside the checkout"),
]
Mask = npt.NDArray[np.bool_]
Found = dict[Structure, SegmentedStructure]


def _read(path: Path) -> tuple[npt.NDArray[np.int16], ImageGrid]:
    if path.is_dir():
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
        image = reader.Execute()
    else:
        image = sitk.ReadImage(str(path))
    hu = sitk.GetArrayFromImage(image).astype(np.int16)
    grid = ImageGrid(
        shape=hu.shape,
        spacing_mm=image.GetSpacing()[::-1],
        origin_lps_mm=image.GetOrigin(),
        direction=image.GetDirection(),
    )
    return hu, grid


@pytest.fixture(scope="module")
def segmented() -> Callable[[Path], tuple[npt.NDArray[np.int16], Found]]:
    done: dict[Path, tuple[npt.NDArray[np.int16], Found]] = {}

    def get(path: Path) -> tuple[npt.NDArray[np.int16], Found]:
        if path not in done:
            hu, grid = _read(path)
            done[path] = hu, {s.structure: s for s in segment_ct(hu, grid, list(Structure))}
        return done[path]

    return get


Segmented = Callable[[Path], tuple[npt.NDArray[np.int16], Found]]


def _dice(one: Mask, other: Mask) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_lungs_of_the_thorax_agree_with_the_published_mask(segmented: Segmented) -> None:
    _, found = segmented(LUNG / "3DCT_lung.mha")
    published, _ = _read(LUNG / "3DCT_lung_baseline_mask.mha")

    both = found[Structure.LUNG_LEFT].mask | found[Structure.LUNG_RIGHT].mask

    # the image holds the right lung, open at the side of the image; airways are not in the mask
    assert _dice(both, published > 0) >= 0.95
    assert not found[Structure.LUNG_LEFT].mask.any()


def test_lung_bases_agree_with_another_tool_and_bowel_gas_does_not_count(
    segmented: Segmented,
) -> None:
    _, found = segmented(TOTAL / "example_ct_sm.nii.gz")
    labels, _ = _read(TOTAL / "example_seg.nii.gz")

    left, right = np.isin(labels, (10, 11)), np.isin(labels, (12, 13, 14))  # lobes

    # voxels of 3 mm at the thin edges of the bases: one voxel is several percent
    assert _dice(found[Structure.LUNG_LEFT].mask, left) >= 0.93
    assert _dice(found[Structure.LUNG_RIGHT].mask, right) >= 0.93


def test_no_organ_of_another_tool_is_outside_the_body(segmented: Segmented) -> None:
    _, found = segmented(TOTAL / "example_ct_sm.nii.gz")
    labels, _ = _read(TOTAL / "example_seg.nii.gz")

    assert not ((labels > 0) & ~found[Structure.BODY].mask).any()


def test_skeleton_is_bone_for_another_tool_too(segmented: Segmented) -> None:
    _, found = segmented(TOTAL / "example_ct_sm.nii.gz")
    labels, _ = _read(TOTAL / "example_seg.nii.gz")
    bone = np.isin(labels, (*range(25, 51), *range(69, 79), *range(92, 117)))

    skeleton = found[Structure.SKELETON].mask

    assert (skeleton & bone).sum() >= 0.9 * skeleton.sum()
    # noisy and 3 mm: marrow of ribs and vertebrae is missed in part, which the figure shows
    assert (skeleton & bone).sum() >= 0.55 * bone.sum()


def test_abdomen_with_contrast_has_lung_bases_and_no_gas_couch_or_kidneys(
    segmented: Segmented,
) -> None:
    hu, found = segmented(DATA / "ct_abdomen_crlm" / "CRLM-CT-1004")
    lungs = found[Structure.LUNG_LEFT].mask | found[Structure.LUNG_RIGHT].mask

    assert not lungs[:20].any()  # bowel gas lies there; the lowest recess is at slice 21
    assert not any(lungs[at] for at in ((14, 180, 272), (18, 175, 296)))  # gas of the stomach
    assert hu[14, 180, 272] < -900
    assert hu[18, 175, 296] < -900
    assert 550 < found[Structure.LUNG_LEFT].volume_cc < 620
    assert 670 < found[Structure.LUNG_RIGHT].volume_cc < 740
    assert not found[Structure.BODY].mask[:, 406:].any()  # couch; the cover of its mattress clings
    assert not found[Structure.BODY].mask[hu < -1024].any()
    kidneys = [(8, 280, 145), (8, 290, 365), (16, 290, 345)]  # k, j, i of their middles
    assert not any(found[Structure.SKELETON].mask[at] for at in kidneys)
    assert SegmentationWarning.MAY_HOLD_CONTRAST in found[Structure.SKELETON].warnings
    assert found[Structure.SKELETON].mask[24, 290, 256]  # inside of a vertebra


def test_thigh_has_no_lungs_and_is_cut_by_the_image(segmented: Segmented) -> None:
    _, found = segmented(DATA / "sts_ct_mr_pet" / "STS_048" / "dicom" / "CT" / "image")

    for structure in (Structure.LUNG_LEFT, Structure.LUNG_RIGHT):
        assert found[structure].warnings == (SegmentationWarning.NOT_FOUND,)
    for structure in (Structure.BODY, Structure.SKELETON):
        assert SegmentationWarning.CUT_BY_FIELD_OF_VIEW in found[structure].warnings
    assert found[Structure.SKELETON].mask[10, 101, 150]  # marrow of the femoral shaft


def test_arms_beside_the_trunk_are_body_and_their_bones_skeleton(segmented: Segmented) -> None:
    hu, found = segmented(TOTAL / "example_ct_dicom")

    assert found[Structure.BODY].mask[10, 340, 30]
    assert found[Structure.BODY].mask[10, 340, 475]
    dense = hu[10] > 1000  # cortical bone of both humeri, far from the rest of the skeleton
    for arm in (slice(0, 80), slice(430, 512)):
        assert dense[:, arm].sum() > 50
        assert found[Structure.SKELETON].mask[10][:, arm][dense[:, arm]].all()
    assert not found[Structure.LUNG_LEFT].mask.any()  # gas of the stomach only
