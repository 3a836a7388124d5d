"""What a comparison of doses has found, as the panel shows it: words and rows, no arrays.

Names of structures that a person gave stand here and in the panel's table only. They are in no
repr, no node and no file.
"""

from dataclasses import dataclass, field

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One row of the table.

    Attributes
    ----------
    segment : ID of its segment in the scene; empty for the whole grid.
    below : what stands below the name: the volume.
    cells : what stands in the columns behind the name.
    details : (what, reference, evaluated, difference) of each figure of the structure.
    """

    label: str = field(repr=False)
    colour: Colour | None
    segment: str = field(repr=False)
    below: str
    cells: tuple[str, ...]
    details: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A comparison whose maps are in the scene.

    Attributes
    ----------
    rate : the pass rate in words; empty if no gamma was asked for.
    pass_percent : the same as (proven, possible), None where nothing was evaluated.
    criteria : by which it is one.
    verdict : of TG-218, in words; empty if there is none.
    tone : `good`, `fair` or `bad`, or empty where there is no verdict.
    facts : further lines of (what, words).
    heads : of the table's columns behind the name.
    warnings : sentences.
    gamma_id, difference_id, table_id, chart_id : IDs of nodes, empty where there is none.
    structures_id : ID of the segmentation whose segments the rows are of.
    """

    rate: str
    pass_percent: tuple[float | None, float | None]
    criteria: str
    verdict: str
    tone: str
    facts: tuple[tuple[str, str], ...]
    heads: tuple[str, ...]
    rows: tuple[ComparedRow, ...]
    warnings: tuple[str, ...]
    gamma_id: str = ""
    difference_id: str = ""
    table_id: str = ""
    chart_id: str = ""
    structures_id: str = ""
