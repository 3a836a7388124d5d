"""The auditor's own copy of a worker's audit lines: what was seen once stays.

    DIR/<instance id>/head.json            see below
    DIR/<instance id>/lines.jsonl          the chain as it was first seen (`audit_chain`)
    DIR/<instance id>/lines.<start>.jsonl  another chain of the same instance, from line 1 on, named
                                           by the start whose line was the first to differ
    DIR/<instance id>/page.<n>.json        an answer whose line n could not be read, sealed

    head.json = canonical JSON {schema, instance_id, place, current, fetched_at, chains}
    place     1 for the first instance that this log met, 2 for the next, ...
    current   index of the chain on which the worker was seen last
    fetched_at
              when the last fetch that took all that the worker had was begun, by the auditor's
              own clock; null before the first
    chain     {file, n, head, other_n}; other_n: how long the chain that it branched off was known
              to be when it did, 0 for the first

One folder is for one worker. Files are private (0600); nothing is overwritten but head.json, which
is replaced whole, after what it names is on the disk, unless another command replaced it meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.audit import AuditLine, audit_genesis
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, ID_BYTES, MAX_INTEGER, Fields, time_text
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest.localfiles import read_whole, write_whole
from EncryptSecureRTLib.custodian.audit_chain import Chain, Mark

_HEAD_FILE, _FIRST_FILE = "head.json", "lines.jsonl"
_SCHEMA = "encryptsecurert.auditlog/1"
_MEMBERS = ("schema", "instance_id", "place", "current", "fetched_at", "chains")
_CHAIN = ("file", "n", "head", "other_n")
_FILE_NAME = r"lines(\.[0-9a-f]{32}(-[0-9]{1,3})?)?\.jsonl"
_MAX_CHAINS = 256
_DAMAGED = "the log's own index is damaged or missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One chain of an instance, and how long the one that it left was known to be then."""

    chain: Chain
    other_n: int


class Instance:
    """All that is known of one state folder of a worker."""

    def __init__(self, folder: Path, place: int, branches: list[Branch], current: int) -> None:
        self.folder = folder
        self.place = place
        self.branches = branches
        self.current = current
        self.fetched_at: datetime | None = None
        self._index: bytes | None = None  # head.json as this command last saw it

    @property
    def instance_id(self) -> str:
        """The id of the worker's state folder."""
        return self.folder.name

    @property
    def chain(self) -> Chain:
        """The chain on which the worker was seen last."""
        return self.branches[self.current].chain

    @classmethod
    def begin(cls, folder: Path, place: int) -> "Instance":
        """Make the folder of an instance of which nothing is known yet."""
        mark = Mark(n=0, head=audit_genesis(folder.name))
        chain = Chain(folder / _FIRST_FILE, folder.name, mark)
        instance = cls(folder, place, [Branch(chain=chain, other_n=0)], 0)
        instance._commit()
        return instance

    @classmethod
    def load(cls, folder: Path) -> "Instance":
        """Read the folder of an instance; E_AUDIT if its index is not there or not readable."""
        octets = read_whole(folder / _HEAD_FILE, LIMITS.header_bytes)
        if octets is None:
            raise EncryptSecureRTError(ErrorCode.E_AUDIT, _DAMAGED)
        try:
            fields = Fields(canonical.decode(octets, LIMITS.header_bytes), _MEMBERS)
            fields.constant("schema", _SCHEMA)
            fields.constant("instance_id", folder.name)
            place = fields.integer("place", 1, MAX_INTEGER)
            items = fields.items("chains", _MAX_CHAINS, 1)
            current = fields.integer("current", 0, len(items) - 1)
            fetched_at = None if fields.is_null("fetched_at") else fields.time("fetched_at")
            branches = [_branch(folder, item) for item in items]
        except EncryptSecureRTError as error:
            if error.code is ErrorCode.E_LOCAL_FILE:
                raise
            raise EncryptSecureRTError(ErrorCode.E_AUDIT, _DAMAGED) from None
        instance = cls(folder, place, branches, current)
        instance.fetched_at, instance._index = fetched_at, octets
        return instance

    def append(self, lines: Sequence[tuple[AuditLine, bytes]]) -> None:
        """Add lines that follow the present chain."""
        self.chain.append(lines)
        self._commit()

    def go_on_with(self, index: int) -> None:
        """Take another known chain as the one that the worker is on."""
        self.current = index
        self._commit()

    def branch_off(self, index: int, n: int, start_id: str) -> None:
        """Begin a chain that has its first `n` lines from another, and make it the present one."""
        parent = self.branches[index].chain
        if len(self.branches) >= _MAX_CHAINS:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        taken = {branch.chain.path.name for branch in self.branches}
        names = [f"lines.{start_id}.jsonl"]
        names += [f"lines.{start_id}-{count}.jsonl" for count in range(2, _MAX_CHAINS)]
        path = self.folder / next(name for name in names if name not in taken)
        parent.copy_start(path, n)
        chain = Chain(path, self.instance_id, Mark(n=n, head=parent.head_at(n)))
        self.branches.append(Branch(chain=chain, other_n=parent.n))
        self.go_on_with(len(self.branches) - 1)

    def brought_up(self, at: datetime) -> None:
        """Note that the copy has all that the worker had at a moment of the auditor's clock."""
        self.fetched_at = at
        self._commit()

    def keep_page(self, n: int, octets: bytes) -> None:
        """Keep an answer whose line `n` could not be read, unless one is kept already."""
        path = self.folder / f"page.{n}.json"
        if not path.exists():
            write_whole(path, octets)

    def _commit(self) -> None:
        path = self.folder / _HEAD_FILE
        if read_whole(path, LIMITS.header_bytes) != self._index:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
        rows = []
        for branch in self.branches:
            mark = branch.chain.committed if branch.chain.damaged_at else branch.chain.mark
            name = branch.chain.path.name
            rows.append({"file": name, "n": mark.n, "head": mark.head, "other_n": branch.other_n})
        value = {
            "schema": _SCHEMA,
            "instance_id": self.instance_id,
            "place": self.place,
            "current": self.current,
            "fetched_at": None if self.fetched_at is None else time_text(self.fetched_at),
            "chains": rows,
        }
        octets = canonical.encode(value)
        write_whole(path, octets)
        self._index = octets


def _branch(folder: Path, item: object) -> Branch:
    fields = Fields(item, _CHAIN)
    mark = Mark(n=fields.integer("n", 0, MAX_INTEGER), head=fields.hex("head", DIGEST_BYTES))
    chain = Chain(folder / fields.text("file", _FILE_NAME), folder.name, mark)
    return Branch(chain=chain, other_n=fields.integer("other_n", 0, MAX_INTEGER))


class AuditLog:
    """The folder of one worker's log: its instances in the order in which they were met."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.instances = self._load()

    def _load(self) -> list[Instance]:
        try:
            folders = [child for child in self.path.iterdir() if _is_instance(child)]
        except FileNotFoundError:
            return []
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
        loaded = [Instance.load(folder) for folder in folders if _is_begun(folder)]
        loaded.sort(key=lambda instance: instance.place)
        if [instance.place for instance in loaded] != list(range(1, len(loaded) + 1)):
            raise EncryptSecureRTError(ErrorCode.E_AUDIT, "a folder of the log is missing")
        return loaded

    def instance(self, instance_id: str) -> Instance:
        """Return what is known of an instance, which begins now if it is new."""
        for known in self.instances:
            if known.instance_id == instance_id:
                return known
        begun = Instance.begin(self.path / instance_id, len(self.instances) + 1)
        self.instances.append(begun)
        return begun


def _is_instance(path: Path) -> bool:
    name = path.name
    hex_name = len(name) == 2 * ID_BYTES and set(name) <= set("0123456789abcdef")
    return hex_name and path.is_dir()


def _is_begun(folder: Path) -> bool:
    # Without anything whole in it, it is one whose making was cut short.
    return any(child.suffix != ".new" for child in folder.iterdir())
