"""One kind of object: its SOP classes, its allow-list, and what its pixels may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from encryptsecurert_worker.dicom.protect.rules import Action, Kind, Rule


class Pixels(Enum):
    """Whether objects of a kind have pixels."""

    NEVER = "never"
    MAYBE = "maybe"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Iod:
    """An information object definition as far as protecting needs it.

    Attributes
    ----------
    name : for reports and documents, in plain words.
    sop_classes : UIDs of the storage classes that hold such objects.
    rules : the allow-list.
    pixels : whether there are any.
    always : the rules that are written whatever the original has.
    by_tag : the rules by tag.
    required_uids : tags of UIDs without which an object is refused.

    Raises
    ------
    ValueError
        If an attribute has two rules.
    """

    name: str
    sop_classes: frozenset[bytes]
    rules: tuple[Rule, ...]
    pixels: Pixels
    always: tuple[Rule, ...] = field(init=False, repr=False, compare=False)
    by_tag: Mapping[int, Rule] = field(init=False, repr=False, compare=False)
    required_uids: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_tag = {rule.tag: rule for rule in self.rules}
        if len(by_tag) != len(self.rules):
            raise ValueError(f"an attribute of {self.name} has two rules")
        uids = tuple(
            rule.tag
            for rule in self.rules
            if rule.kind is Kind.REQUIRED
            and rule.action in (Action.MAP_UID, Action.MAP_UID_UNLESS_REGISTERED)
        )
        always = tuple(rule for rule in self.rules if rule.is_always_written)
        object.__setattr__(self, "always", always)
        object.__setattr__(self, "by_tag", by_tag)
        object.__setattr__(self, "required_uids", uids)
