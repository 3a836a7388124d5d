"""Names that tell nothing: how they are made, and how they are told from those that may tell.

    ref     32 random hex digits, attribute `EncryptSecureRT.ref` of a node
    name    what a node is and the beginning of its ref: `CT a3f9c1`

A ref is random and never a hash of an identifier, which could be guessed and tried. The
beginning that is shown has a letter and a digit, so that it is neither a word nor a date.
`is_neutral` accepts a list and refuses the rest: a name that is merely unknown may tell.

>>> is_neutral("CT a3f9c1 segmentation_1"), is_neutral("PABCDEFGH234567QZ (PABCDEFGH234567QZ)")
(True, True)
>>> is_neutral("CT Thorax Planted"), is_neutral("CT 19580412")
(False, False)
"""

import re
import secrets
from collections.abc import Callable
from enum import Enum

from encryptsecurert_protocol.volumes import MAPPED_UID
from EncryptSecureRTLib.scene.mrml import Node

REF_ATTRIBUTE = "EncryptSecureRT.ref"
_REF_BYTES = 16
_SHOWN = 6
_SHOWN_FORM = re.compile(r"(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{6}")
_HEX = re.compile(r"[0-9a-f]{32}")
_PSEUDONYM = re.compile(r"P[A-Z2-7]{16}")
_MAPPED_UID = re.compile(MAPPED_UID, re.ASCII)
_SERIES_NUMBER = re.compile(r"\A[0-9]{1,4}: ")  # how Slicer begins the name of a series
_BETWEEN = re.compile(r"[\s:;,()_]+")  # not . - /, which hold dates and UIDs together
_COUNTER = re.compile(r"[0-9]{1,3}")


class Kind(Enum):
    """What a node is, as the first word of its neutral name."""

    CT = "CT"
    MR = "MR"
    PET = "PET"
    DOSE = "dose"
    VOLUME = "volume"
    LABEL_MAP = "label map"
    SEGMENTATION = "segmentation"
    POINTS = "points"
    TRANSFORM = "transform"
    MODEL = "model"
    TABLE = "table"
    CHART = "chart"
    CURVE = "curve"
    TEXT = "text"
    SEQUENCE = "sequence"
    COLOURS = "colours"
    DISPLAY = "display"
    FILE = "file"
    STUDY = "study"
    FOLDER = "folder"
    ITEM = "item"


# Words that our names, and Slicer's for a study without descriptions, are made of.
_WORDS = frozenset(
    [word for kind in Kind for word in kind.value.lower().split()]
    + "mr pt rtdose rtstruct rtplan seg reg gamma difference dvh vs to ref".split()
    + "no name description date unnamed series patient subject new default".split()
)


def new_ref(random_hex: Callable[[int], str] = secrets.token_hex) -> str:
    """Return a new ref; `random_hex(n)` gives the hex digits of n random octets."""
    while not is_ref(ref := random_hex(_REF_BYTES)):
        pass  # one in 16 begins with a number or a word; the next one is as random
    return ref


def neutral_name(kind: Kind, ref: str) -> str:
    """Return the name of a node of that kind and ref."""
    return f"{kind.value} {ref[:_SHOWN]}"


def make_neutral(node: Node, kind: Kind) -> str:
    """Give a node a new ref and the name that goes with it; return the name."""
    ref = new_ref()
    node.SetAttribute(REF_ATTRIBUTE, ref)
    name = neutral_name(kind, ref)
    node.SetName(name)
    return name


def result_name(source: Node, kind: Kind, what: str) -> str:
    """Return the name of what was made from a node: the node's own name and what it is.

    A name that may tell something does not get any further: instead of it stands a neutral one.
    """
    name = source.GetName() or ""
    known = name if name and is_neutral(name) else neutral_name(kind, new_ref())
    return f"{known} {what}"


def ref_of(node: Node) -> str | None:
    """Return the node's ref; None if it has none, or something else in its place."""
    value = node.GetAttribute(REF_ATTRIBUTE)
    return value if value is not None and is_ref(value) else None


def is_ref(value: str) -> bool:
    """Whether a text is a ref."""
    return bool(_HEX.fullmatch(value) and _SHOWN_FORM.fullmatch(value[:_SHOWN]))


def is_pseudonym(value: str) -> bool:
    """Whether a text is a patient's pseudonym as the worker makes them."""
    return _PSEUDONYM.fullmatch(value) is not None


def is_mapped_uid(value: str) -> bool:
    """Whether a UID has the form of a mapped one, under 2.25."""
    return _MAPPED_UID.fullmatch(value) is not None


def is_neutral(name: str) -> bool:
    """Whether a name of a node or item consists of what is known to tell nothing."""
    words = [word for word in _BETWEEN.split(_SERIES_NUMBER.sub("", name)) if word]
    counters = [word for word in words if _COUNTER.fullmatch(word)]
    known = (w.lower() in _WORDS or _SHOWN_FORM.fullmatch(w) or is_pseudonym(w) for w in words)
    # One counter at most: three of them are a date.
    return sum(map(bool, known)) + len(counters) == len(words) and len(counters) <= 1
