"""Figures of a comparison as one table node: a row for the whole grid and one for each structure.

    structure    gamma pass rate (%)   volume (cc)   Dmean, reference (Gy)   ...   criteria
    whole grid   97.3                                                              3 %/2 mm, ...
    ROI_7        91.2                  31.4          60.1                          3 %/2 mm, ...

The unit stands in the name of each column and the criteria in each row: a number that is copied
elsewhere brings them along. A table is saved as text, so its labels are harmless ones.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.hierarchy import place_beside
from EncryptSecureRTLib.scene.mrml import Node, vtk
from EncryptSecureRTLib.scene.neutral import REF_ATTRIBUTE, Kind, new_ref, result_name
from EncryptSecureRTLib.scene.structures import is_harmless_structure

WHOLE_GRID = "whole grid"
UNITS = ("Gy", "%", "cc", "mm", "1")
_NAME = re.compile(r"[ -~]{1,80}")
_CRITERIA = re.compile(r"[ -~]{0,200}")


def refuse_unless(condition: bool, detail: str) -> None:
    """Raise E_RESULT with a detail unless a condition holds."""
    if not condition:
        raise EncryptSecureRTError(ErrorCode.E_RESULT, detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultColumn:
    """One figure: what it is, its unit (one of `UNITS`), and its value in each row or None."""

    name: str
    unit: str
    values: tuple[float | None, ...]

    def __post_init__(self) -> None:
        refuse_unless(_NAME.fullmatch(self.name) is not None, "a column has no name")
        refuse_unless(self.unit in UNITS, "a column has no unit")

    @property
    def heading(self) -> str:
        """The name with the unit."""
        return f"{self.name} ({self.unit})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultTable:
    """All figures of a comparison.

    Attributes
    ----------
    criteria : of gamma in one line, empty without gamma.
    rows : `WHOLE_GRID` or labels of structures, none twice.
    columns : none twice, each with a value for each row.

    Raises
    ------
    EncryptSecureRTError
        E_RESULT; also for a label that is neither standard nor a pseudo-label.
    """

    criteria: str
    rows: tuple[str, ...]
    columns: tuple[ResultColumn, ...]

    def __post_init__(self) -> None:
        refuse_unless(_CRITERIA.fullmatch(self.criteria) is not None, "criteria are malformed")
        harmless = all(row == WHOLE_GRID or is_harmless_structure(row) for row in self.rows)
        refuse_unless(harmless, "a structure's label may tell something")
        refuse_unless(bool(self.rows) and len(set(self.rows)) == len(self.rows), "rows are doubled")
        headings = {column.heading for column in self.columns}
        refuse_unless(len(headings) == len(self.columns), "columns are doubled")
        lengths = {len(column.values) for column in self.columns}
        refuse_unless(lengths <= {len(self.rows)}, "a column has another length")


def prepared_table(table: ResultTable) -> Node:
    """Return a vtkTable of the figures; NaN where there is none."""
    made = vtk.vtkTable()
    made.AddColumn(text_column("structure", table.rows))
    for column in table.columns:
        numbers = np.array([np.nan if v is None else v for v in column.values], np.float64)
        made.AddColumn(number_column(column.heading, numbers))
    made.AddColumn(text_column("criteria", (table.criteria,) * len(table.rows)))
    return made


def enter_table(reference: Node, table: Node, what: str = "table") -> Node:
    """Put a vtkTable into the scene of the reference dose, beside it; return its node."""
    scene = reference.GetScene()
    name = scene.GenerateUniqueName(result_name(reference, Kind.DOSE, what))
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    node.SetAttribute(REF_ATTRIBUTE, new_ref())
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)  # figures that a receipt stands for are not typed over by chance
    place_beside(node, reference)
    return node


def text_column(heading: str, values: tuple[str, ...]) -> Node:
    """Return a vtkStringArray."""
    column = vtk.vtkStringArray()
    column.SetName(heading)
    for value in values:
        column.InsertNextValue(value)
    return column


def number_column(heading: str, values: npt.NDArray[np.float64]) -> Node:
    """Return a vtkDoubleArray with a copy of the values."""
    column = vtk.util.numpy_support.numpy_to_vtk(np.ascontiguousarray(values), deep=True)
    column.SetName(heading)
    return column
