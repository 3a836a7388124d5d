"""Whether the name of a structure follows the rules of AAPM TG-263.

The rules that can be seen from a name alone (TG-263, section 4; Mayo et al., Int J Radiat Oncol
Biol Phys 100 (2018) 1057): at most 16 characters, no blanks, a capital first, what side at the end
(`Lung_L`), planning margins as `_PRV` and two digits (`SpinalCord_PRV05`). `~` marks a part of a
structure, `^` begins a clinic's own addition, `-` subtracts (`Lungs-GTV`), `!` marks a target that
was cropped, `z` or `_` before a name says that its dose is not evaluated. That a name is one of the
report's list is not checked: the list grows, and a clinic may have structures that it lacks.
"""

import re
from collections.abc import Iterable
from enum import Enum

MAX_CHARACTERS = 16
_ALLOWED = re.compile(r"[A-Za-z0-9_~^!&+.-]*", re.ASCII)
_NOT_EVALUATED = re.compile(r"^[z_]")
_SIDE_FIRST = re.compile(r"^(?:[LR]_|(?:Left|Right|Lt|Rt)(?=[_A-Z]))")
_SIDE_IN_WORDS = re.compile(r"(?:_|(?<=[a-z]))(?:Left|Right|left|right|Lt|Rt|LT|RT)(?=_|$)")
_MARGIN = re.compile(r"_PRV(?![0-9]{2}(?:[^0-9]|$)|$)")


class NameFault(Enum):
    """What a name does against the rules, in words."""

    EMPTY = "has no character"
    TOO_LONG = "has more than 16 characters"
    BLANK = "has a blank"
    CHARACTER = "has a character other than letters, digits and _ ~ ^ ! & + . -"
    NO_CAPITAL = "does not begin with a capital"
    SIDE_FIRST = "names the side first; it stands at the end, as in Lung_L"
    SIDE_IN_WORDS = "writes the side out; it is _L or _R"
    MARGIN = "has a planning margin that is not _PRV and two digits of mm"


def name_faults(name: str) -> tuple[NameFault, ...]:
    """Return what a name does against TG-263; nothing if it follows the rules."""
    if not name:
        return (NameFault.EMPTY,)
    # What is cut off marks a part (~), or that no dose is evaluated (z, _).
    stem = _NOT_EVALUATED.sub("", name).removeprefix("~")
    found = {
        NameFault.TOO_LONG: len(name) > MAX_CHARACTERS,
        NameFault.BLANK: any(character.isspace() for character in name),
        NameFault.CHARACTER: not _ALLOWED.fullmatch("".join(name.split())),
        NameFault.NO_CAPITAL: not stem[:1].isupper(),
        NameFault.SIDE_FIRST: bool(_SIDE_FIRST.search(stem)),
        NameFault.SIDE_IN_WORDS: bool(_SIDE_IN_WORDS.search(stem)),
        NameFault.MARGIN: bool(_MARGIN.search(stem)),
    }
    return tuple(fault for fault, is_there in found.items() if is_there)


def names_alike(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return groups of names that differ in nothing but capitals, which TG-263 forbids."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.casefold(), []).append(name)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
