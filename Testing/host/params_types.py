"""Fields of a parameter node: how a value becomes a text in it, and what values are allowed.

The texts are those of Slicer 5.12, so that a scene saved there reads here and the other way round:
`True` and `False`, numbers as Python writes them, an enum's name. A node is a node reference, with
an empty parameter of the same name that tells that it was set.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, get_args, get_origin

import slicer


class Default:
    """What a field has before it is set: a value, or what a function gives each time."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self._value = value
        self._generator = generator

    @property
    def value(self) -> Any:
        """The value."""
        return self._value if self._generator is None else self._generator()


class Validator:
    """A condition; `validate` raises ValueError where it is not met."""

    def validate(self, value: Any) -> None:
        """Check a value."""
        raise NotImplementedError


@dataclass(frozen=True)
class Minimum(Validator):
    """At least `minimum`."""

    minimum: float

    def validate(self, value: Any) -> None:
        """Check a value."""
        if value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, is {value}")


@dataclass(frozen=True)
class Maximum(Validator):
    """At most `maximum`."""

    maximum: float

    def validate(self, value: Any) -> None:
        """Check a value."""
        if value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, is {value}")


@dataclass(frozen=True)
class WithinRange(Validator):
    """From `minimum` to `maximum`, both included."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        """Check a value."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be in [{self.minimum}, {self.maximum}], is {value}")


@dataclass(frozen=True)
class Choice(Validator):
    """One of `choices`."""

    choices: list[Any]

    def validate(self, value: Any) -> None:
        """Check a value."""
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be one of {self.choices}")


@dataclass(frozen=True)
class Exclude(Validator):
    """None of `excludedValues`."""

    excludedValues: list[Any]  # noqa: N815 - Slicer's name

    def validate(self, value: Any) -> None:
        """Check a value."""
        if value in self.excludedValues:
            raise ValueError(f"Value is {value}, but must be none of {self.excludedValues}")


@dataclass(frozen=True)
class Decimals:
    """How many decimals a widget shows."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """By how much a widget goes up and down."""

    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a parameter node.

    Attributes
    ----------
    name : str
        Its name, and that of the parameter.
    kind : type
        `bool`, `int`, `float`, `str`, an enum or a class of MRML nodes.
    annotations : tuple
        What stands in `Annotated` behind the type, but for the default.
    default : Default
        What is written where nothing is.

    Raises
    ------
    TypeError
        The kind is none of these; Slicer has more, the panel must not use them.
    """

    name: str
    kind: Any
    annotations: tuple[Any, ...]
    default: Default

    def __post_init__(self) -> None:
        if self.kind not in (bool, int, float, str) and not (self.is_enum or self.is_node):
            raise TypeError(f"Unable to store the field {self.name} of type {self.kind}")

    @classmethod
    def of(cls, name: str, hint: Any, owner: type) -> "Field":
        """Return the field that a class declares with a type hint, and perhaps with a value."""
        kind, *annotations = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        defaults = [item for item in annotations if isinstance(item, Default)]
        if hasattr(owner, name):
            defaults = [Default(getattr(owner, name))]
        rest = tuple(item for item in annotations if not isinstance(item, Default))
        found = cls(name=name, kind=kind, annotations=rest, default=Default())
        default = defaults[0] if defaults else Default(found.default_of_kind())
        return replace(found, default=default)

    @property
    def is_enum(self) -> bool:
        """Whether the values are members of an enum."""
        return isinstance(self.kind, type) and issubclass(self.kind, enum.Enum)

    @property
    def is_node(self) -> bool:
        """Whether the values are MRML nodes, or None."""
        return isinstance(self.kind, type) and issubclass(self.kind, slicer.vtkMRMLNode)

    def annotation(self, kind: type) -> Any:
        """Return the first annotation of a kind, or None."""
        return next((item for item in self.annotations if isinstance(item, kind)), None)

    def default_of_kind(self) -> Any:
        """Return what the kind begins with."""
        if self.is_node:
            return None
        return next(iter(self.kind)) if self.is_enum else self.kind()

    def validate(self, value: Any) -> None:
        """Raise TypeError or ValueError for a value that is not allowed."""
        allowed = (int, float) if self.kind is float else self.kind
        if value is None and not (self.is_node or self.is_enum):
            raise ValueError("Value must not be None")
        if value is not None and not isinstance(value, allowed):
            raise TypeError(f"Value must be of type {self.kind}, is of {type(value)}")
        for item in self.annotations:
            if isinstance(item, Validator):
                item.validate(value)

    def write(self, node: Any, value: Any) -> None:
        """Store a value that is allowed."""
        self.validate(value)
        if self.is_node:
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, None if value is None else value.GetID())
        else:
            node.SetParameter(self.name, value.name if self.is_enum else str(value))

    def read(self, node: Any) -> Any:
        """Return the value; where there is none, the default is stored first."""
        if not node.HasParameter(self.name):
            self.write(node, self.default.value)
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if self.kind is bool:
            return text == "True"
        return self.kind[text] if self.is_enum else self.kind(text)
