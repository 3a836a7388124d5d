"""What may be written on a drawing in the scene: titles of axes, scales and charts.

They are saved with the scene, and Slicer's own default is the name of what is drawn. So only
titles of this list stay when a study is sealed.
"""

from EncryptSecureRTLib.scene.neutral import is_neutral

GAMMA_TITLE = "gamma index (1)"
DIFFERENCE_TITLE = "evaluated - reference (Gy)"
DVH_TITLE = "DVH: reference solid, evaluated dashed"
DOSE_AXIS, VOLUME_AXIS = "Dose (Gy)", "Volume (%)"
_TITLES = frozenset({GAMMA_TITLE, DIFFERENCE_TITLE, DVH_TITLE, DOSE_AXIS, VOLUME_AXIS})


def is_harmless_title(title: str) -> bool:
    """Whether a title is one of ours, or of words that tell nothing."""
    return title in _TITLES or is_neutral(title)
