"""Plans, treatment records and machine logs on the wire: numbers by beam, without any name.

frame `ESRTPLN1` with header {schema, form, sop_instance_uids, plan_uids, frame_of_reference,
groups, beams} and, for each beam in order, float64: its table (control points x `COLUMNS`); of each
device the boundaries of its leaves, if told, and its positions (control points x 2 pairs, bank 1
first); its spots (x, y, meterset) control point by control point. NaN is unknown.

What stands here fits the form. Whether numbers can be those of a machine is seen by whoever
computes with them (E_PLAN).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from encryptsecurert_protocol.canonical import fraction_from_text, fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.framing import Magic, frame_head, unframe
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_protocol.volumes import MAPPED_UID

PLANS_SCHEMA = "encryptsecurert.plans/1"
MAX_BEAMS = 512  # of all sessions of a record together
MAX_GROUPS = 16
MAX_WEDGES = 8
MAX_COUNT = 1000  # of wedges, blocks and others, as a beam says it
MAX_POINTS = 2**18  # of one beam; a log of 20 ms samples holds 87 minutes
MAX_PAIRS = 256
MAX_SPOTS = 2**20  # of one control point
MAX_UIDS = 512
MAX_NUMBER = 2**31 - 1  # numbers of beams and fractions are integer strings (PS3.5 6.2)
MAX_PAYLOAD_BYTES = 128 * MIB
MAX_PLANS_BYTES = MAX_PAYLOAD_BYTES + LIMITS.header_bytes + 12  # with the frame's head

AXES = (
    *("gantry", "gantry_direction", "collimator", "couch", "couch_pitch", "couch_roll"),
    *("energy", "dose_rate", "isocenter_x", "isocenter_y", "isocenter_z"),
    *("table_vertical", "table_longitudinal", "table_lateral", "snout"),
)
COLUMNS = ("meterset", "plan_point", *AXES)
DEVICES = ("asymx", "asymy", "mlcx", "mlcy", "mlcx1", "mlcx2", "mlcy1", "mlcy2")
# PS3.3 C.8.8.14, C.8.8.25, C.8.8.12.1, C.7.3.1.1.2; a term that is not here is not told.
TERMS: Mapping[str, tuple[str, ...]] = {
    "radiation": ("PHOTON", "ELECTRON", "NEUTRON", "PROTON", "ION"),
    "type": ("STATIC", "DYNAMIC"),
    "delivery": tuple(
        "TREATMENT OPEN_PORTFILM TRMT_PORTFILM CONTINUATION SETUP VERIFICATION".split()
    ),
    "fluence": ("STANDARD", "NON_STANDARD"),
    "unit": ("MU", "MINUTE", "NP"),
    "patient_position": tuple(
        "HFP HFS HFDR HFDL FFDR FFDL FFP FFS LFP LFS RFP RFS AFDR AFDL PFDR PFDL".split()
    ),
    "termination": ("NORMAL", "OPERATOR", "MACHINE", "UNKNOWN"),
}
COUNTS = ("wedges", "compensators", "boli", "blocks", "range_shifters")
_ITEM_BYTES = 8
_SPOT_NUMBERS = 3
_MEMBERS = (
    *("schema", "form", "sop_instance_uids", "plan_uids", "frame_of_reference"),
    *("groups", "beams"),
)
_BEAM = (
    *("number", "fraction", "final_weight", "delivered", "words", "counts", "wedges"),
    *("points", "devices", "spots"),
)


class PlanForm(Enum):
    """What an object of kind `plans` tells of."""

    PLAN = "plan"
    RECORD = "record"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEntry:
    """Jaws or leaves: one of `DEVICES`, and whether the boundaries of its leaves are told."""

    device: str
    pairs: int
    has_boundaries: bool

    def __post_init__(self) -> None:
        most = 1 if self.device.startswith("asym") else MAX_PAIRS
        if self.device not in DEVICES or not 1 <= self.pairs <= most:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class WedgeEntry:
    """A wedge of a beam; angles in degrees, None if not told."""

    number: int
    angle_deg: float | None
    orientation_deg: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamEntry:
    """One beam: of a plan, as delivered in one session, or as logged.

    Attributes
    ----------
    number : of the plan's beam, None if a record names none.
    fraction : of a record.
    final_weight : of a plan: the cumulative weight that stands for the whole meterset.
    delivered : of a record: the whole meterset of this delivery.
    words : terms of `TERMS` by their name, those that are told.
    counts : of `COUNTS`, those that are told.
    points : control points or samples.
    spots : how many each control point has, None for a beam that scans nothing.
    """

    number: int | None
    fraction: int | None = None
    final_weight: float | None = None
    delivered: float | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    wedges: tuple[WedgeEntry, ...] = ()
    points: int
    devices: tuple[DeviceEntry, ...] = ()
    spots: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.points <= MAX_POINTS:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if len({entry.device for entry in self.devices}) != len(self.devices):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if len(self.wedges) > MAX_WEDGES or not set(self.counts) <= set(COUNTS):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if self.spots is not None and len(self.spots) != self.points:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if any(said not in TERMS.get(name, ()) for name, said in self.words.items()):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    @property
    def table_numbers(self) -> int:
        """Numbers of its table."""
        return self.points * len(COLUMNS)

    @property
    def numbers(self) -> int:
        """Numbers of it in the payload."""
        devices = sum(
            2 * e.pairs * self.points + (e.pairs + 1) * e.has_boundaries for e in self.devices
        )
        return self.table_numbers + devices + _SPOT_NUMBERS * sum(self.spots or ())

    def as_json(self) -> dict[str, Any]:
        """Return the beam's members."""
        return {
            "number": self.number,
            "fraction": self.fraction,
            "final_weight": _text(self.final_weight),
            "delivered": _text(self.delivered),
            "words": dict(self.words),
            "counts": dict(self.counts),
            "wedges": [
                [w.number, _text(w.angle_deg), _text(w.orientation_deg)] for w in self.wedges
            ],
            "points": self.points,
            "devices": [[e.device, e.pairs, e.has_boundaries] for e in self.devices],
            "spots": None if self.spots is None else list(self.spots),
        }

    @classmethod
    def from_json(cls, value: object) -> "BeamEntry":
        """Read the beam strictly."""
        fields = Fields(value, _BEAM)
        words, counts = fields.object("words"), fields.object("counts")
        if not set(words) <= set(TERMS) or not set(counts) <= set(COUNTS):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        points = fields.integer("points", 1, MAX_POINTS)
        spots = None if fields.is_null("spots") else fields.items("spots", points, points)
        return cls(
            number=_number(fields, "number"),
            fraction=_number(fields, "fraction"),
            final_weight=_fraction(fields, "final_weight"),
            delivered=_fraction(fields, "delivered"),
            words={name: Fields(words, words).text(name, "|".join(TERMS[name])) for name in words},
            counts={name: Fields(counts, counts).integer(name, 0, MAX_COUNT) for name in counts},
            wedges=tuple(_wedge(item) for item in fields.items("wedges", MAX_WEDGES)),
            points=points,
            devices=tuple(_device(item) for item in fields.items("devices", len(DEVICES))),
            spots=None if spots is None else tuple(_integer(n, 0, MAX_SPOTS) for n in spots),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEntry:
    """A fraction group: how often, and each beam's number with its meterset, None if not told."""

    number: int
    fractions: int | None
    metersets: tuple[tuple[int, float | None], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the group's members."""
        return {
            "number": self.number,
            "fractions": self.fractions,
            "metersets": [[number, _text(value)] for number, value in self.metersets],
        }

    @classmethod
    def from_json(cls, value: object) -> "GroupEntry":
        """Read the group strictly."""
        fields = Fields(value, ("number", "fractions", "metersets"))
        metersets = [_list(item, 2) for item in fields.items("metersets", MAX_BEAMS)]
        return cls(
            number=fields.integer("number", 0, MAX_NUMBER),
            fractions=_number(fields, "fractions"),
            metersets=tuple((_integer(n, 0, MAX_NUMBER), _optional(v)) for n, v in metersets),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlansHeader:
    """What stands before the numbers.

    Attributes
    ----------
    sop_instance_uids : mapped UIDs of the instances that were read: one plan, records, or none.
    plan_uids : of a record, for each instance the mapped UID of the plan that it names, None if it
        names none.
    """

    form: PlanForm
    sop_instance_uids: tuple[str, ...]
    plan_uids: tuple[str | None, ...]
    frame_of_reference: str | None
    groups: tuple[GroupEntry, ...]
    beams: tuple[BeamEntry, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.beams) <= MAX_BEAMS or len(self.groups) > MAX_GROUPS:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        most = {PlanForm.PLAN: 1, PlanForm.RECORD: MAX_UIDS, PlanForm.LOG: 0}[self.form]
        if not min(1, most) <= len(self.sop_instance_uids) <= most:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if self.form is not PlanForm.PLAN and self.groups:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        records = len(self.sop_instance_uids) if self.form is PlanForm.RECORD else 0
        if len(self.plan_uids) != records:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if self.size_bytes > MAX_PAYLOAD_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)

    @property
    def size_bytes(self) -> int:
        """Octets that must follow the header."""
        return _ITEM_BYTES * sum(beam.numbers for beam in self.beams)

    def frame_head(self) -> bytes:
        """Return the octets that stand before the numbers."""
        return frame_head(
            Magic.PLANS,
            {
                "schema": PLANS_SCHEMA,
                "form": self.form.value,
                "sop_instance_uids": list(self.sop_instance_uids),
                "plan_uids": list(self.plan_uids),
                "frame_of_reference": self.frame_of_reference,
                "groups": [group.as_json() for group in self.groups],
                "beams": [beam.as_json() for beam in self.beams],
            },
        )


def unpack_plans(octets: bytes | bytearray | memoryview) -> tuple[PlansHeader, memoryview]:
    """Return (header, octets of the numbers), refused unless they fit exactly.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT, E_TOO_LARGE.
    """
    if len(octets) > MAX_PLANS_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    value, payload = unframe(Magic.PLANS, octets)
    fields = Fields(value, _MEMBERS)
    fields.constant("schema", PLANS_SCHEMA)
    header = PlansHeader(
        form=PlanForm(fields.text("form", "|".join(form.value for form in PlanForm))),
        sop_instance_uids=tuple(_uid(u) for u in fields.items("sop_instance_uids", MAX_UIDS)),
        plan_uids=tuple(
            None if u is None else _uid(u) for u in fields.items("plan_uids", MAX_UIDS)
        ),
        frame_of_reference=(
            None
            if fields.is_null("frame_of_reference")
            else fields.text("frame_of_reference", MAPPED_UID, 64)
        ),
        groups=tuple(GroupEntry.from_json(g) for g in fields.items("groups", MAX_GROUPS)),
        beams=tuple(BeamEntry.from_json(b) for b in fields.items("beams", MAX_BEAMS, 1)),
    )
    if header.size_bytes != len(payload):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    return header, payload


def _uid(value: object) -> str:
    return Fields({"u": value}, ("u",)).text("u", MAPPED_UID, 64)


def _wedge(item: object) -> WedgeEntry:
    number, angle, orientation = _list(item, 3)
    return WedgeEntry(
        number=_integer(number, 0, MAX_NUMBER),
        angle_deg=_optional(angle),
        orientation_deg=_optional(orientation),
    )


def _device(item: object) -> DeviceEntry:
    device, pairs, has_boundaries = _list(item, 3)
    fields = Fields({"d": device, "b": has_boundaries}, ("d", "b"))
    return DeviceEntry(
        device=fields.text("d", "|".join(DEVICES)),
        pairs=_integer(pairs, 1, MAX_PAIRS),
        has_boundaries=fields.boolean("b"),
    )


def _list(value: object, count: int) -> list[Any]:
    return Fields({"l": value}, ("l",)).items("l", count, count)


def _integer(value: object, low: int, high: int) -> int:
    return Fields({"n": value}, ("n",)).integer("n", low, high)


def _number(fields: Fields, name: str) -> int | None:
    return None if fields.is_null(name) else fields.integer(name, 0, MAX_NUMBER)


def _fraction(fields: Fields, name: str) -> float | None:
    return None if fields.is_null(name) else fraction_from_text(fields.text(name, "[!-~]+", 32))


def _optional(value: object) -> float | None:
    return None if value is None else fraction_from_text(value)


def _text(value: float | None) -> str | None:
    return None if value is None else fraction_text(value)
