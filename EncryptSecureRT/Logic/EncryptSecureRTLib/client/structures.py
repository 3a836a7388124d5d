"""What can be asked of `segment`: structures with their names and colours, and kinds of files.

    key          label      colour
    body         External   green
    lung_left    Lung_L     blue
    lung_right   Lung_R     orange
    skeleton     Bone       pale yellow

Labels (AAPM TG-263) and colours are those that the worker writes into its results. They stand
here too, since a structure that was not found anywhere has no file that could tell its name.
"""

from dataclasses import dataclass

OUTPUTS = ("rtstruct", "seg")
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureTerm:
    """How a structure is called and shown; `colour` is RGB, 0 to 255."""

    label: str
    colour: Colour


TERMS = {
    "body": StructureTerm(label="External", colour=(80, 220, 100)),
    "lung_left": StructureTerm(label="Lung_L", colour=(90, 160, 255)),
    "lung_right": StructureTerm(label="Lung_R", colour=(255, 140, 60)),
    "skeleton": StructureTerm(label="Bone", colour=(255, 230, 130)),
}
STRUCTURES = tuple(TERMS)
