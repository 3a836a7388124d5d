"""Hypothesis strategies for every message of the protocol, over its whole range of values."""

from datetime import UTC, datetime, timedelta
from unicodedata import normalize

from hypothesis import strategies as st

from encryptsecurert_protocol.audit import NOTE_CHARACTERS, AuditEvent, AuditLine, AuditPage
from encryptsecurert_protocol.bundles import BundleCore, BundleSecrets, CaseGrant
from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.events import EndEvent, Event, LogEvent, ProgressEvent, StateEvent
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.jobs import JobHeader, JobState
from encryptsecurert_protocol.leases import MAX_LEASE_S, MIN_LEASE_S, Lease
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.objects import MAX_CHUNKS, ChunkPlan, ObjectHeader, ObjectKind
from encryptsecurert_protocol.offline import MAX_OFFLINE, OFFLINE_NAME, OfflineRecipient
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.results import ResultHeader, ResultKey
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_protocol.rights import Operation, Role, RolePolicy, UserEntry
from encryptsecurert_protocol.sealing import PUBLIC_KEY_BYTES, HpkeSuite
from encryptsecurert_protocol.statement import BundleName, Kind, Profile, Statement
from encryptsecurert_protocol.volumes import VolumeHeader

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
epochs = st.integers(1, 2**53 - 1)
suites = st.sampled_from(HpkeSuite)
finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,63}", fullmatch=True)
receipt_words = st.from_regex(r"[A-Za-z0-9_.+-]{1,64}", fullmatch=True)
tasks = st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True)
uids = st.integers(0, 2**128 - 1).map(lambda n: f"2.25.{n}")
plans = st.builds(
    ChunkPlan,
    st.integers(1, MAX_CHUNKS),
    st.integers(1, LIMITS.chunk_bytes // LIMITS.padding_bytes).map(lambda n: n * 4096),
)
_PUBLIC_KEYS = {
    suite: st.binary(min_size=size, max_size=size) for suite, size in PUBLIC_KEY_BYTES.items()
}
result_keys = suites.flatmap(
    lambda suite: st.builds(ResultKey, suite=st.just(suite), public=_PUBLIC_KEYS[suite])
)

object_headers = st.builds(
    ObjectHeader,
    object=digests,
    kind=st.sampled_from(ObjectKind),
    plan=plans,
    prefix=st.binary(min_size=7, max_size=7),
    suite=suites,
    worker=digests,
)
result_headers = st.builds(
    ResultHeader,
    job_sha256=digests,
    name=words,
    plan=plans,
    prefix=st.binary(min_size=7, max_size=7),
    suite=suites,
)
job_headers = st.builds(
    JobHeader,
    job=ids,
    user=ids,
    certificate=digests,
    task=tasks,
    inputs=st.lists(digests, max_size=4).map(tuple),
    parameters=digests,
    result_key=result_keys,
    created=moments,
    expires=moments,
    site_key_id=digests,
    min_epoch=epochs,
    policy=digests,
    worker=digests,
)
statements = result_keys.flatmap(
    lambda key: st.builds(
        Statement,
        worker_version=st.from_regex(r"[0-9A-Za-z.+-]{1,32}", fullmatch=True),
        kind=st.sampled_from(Kind),
        measurement=digests,
        profile=st.sampled_from(Profile),
        hpke_suite=st.just(key.suite),
        hpke_public_key=st.just(key.public),
        receipt_key=st.binary(max_size=128),
        bundle=st.none() | st.builds(BundleName, site_key_id=digests, epoch=epochs, digest=digests),
        instance_id=ids,
        start_id=ids,
        audit_head=digests,
        started_at=moments,
    )
)
evidence_answers = st.builds(
    EvidenceAnswer,
    statement=st.binary(max_size=50),
    quote=st.binary(max_size=50),
    collateral=st.none() | st.binary(max_size=50),
)
parameters = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(tasks, inner, max_size=3),
    max_leaves=6,
)
receipt_bodies = st.builds(
    ReceiptBody,
    job_sha256=digests,
    task=tasks,
    algorithm=receipt_words,
    parameters=st.dictionaries(tasks, parameters, max_size=3),
    inputs=st.dictionaries(digests, digests, max_size=3).map(lambda d: tuple(d.items())),
    outputs=st.dictionaries(words, digests, max_size=3).map(lambda d: tuple(d.items())),
    models=st.dictionaries(receipt_words, digests, max_size=2).map(lambda d: tuple(d.items())),
    numbers=st.lists(st.tuples(receipt_words, finite.map(fraction_text)), max_size=3).map(tuple),
    warnings=st.lists(receipt_words, max_size=2).map(tuple),
    user=ids,
    certificate=digests,
    site_key_id=digests,
    epoch=epochs,
    instance_id=ids,
    start_id=ids,
    audit_head=digests,
    time_claimed=moments,
)
receipts = st.builds(
    Receipt,
    body=st.binary(max_size=50),
    signature=st.binary(min_size=64, max_size=64),
    statement=st.binary(max_size=50),
    quote=st.binary(max_size=50),
    nonce=st.binary(min_size=32, max_size=32),
    spki=st.binary(max_size=50),
    collateral=st.binary(max_size=50),
    policy_sha256=digests,
)
_SIZES = st.integers(1, 2 * LIMITS.object_bytes)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(StateEvent, n=epochs, state=st.sampled_from(JobState), place=st.integers(0, 256)),
    st.builds(ProgressEvent, n=epochs, stage=words, fraction=st.floats(0.0, 1.0)),
    st.builds(LogEvent, n=epochs, entry=words, value=finite),
    st.builds(
        EndEvent,
        n=epochs,
        state=st.just(JobState.DONE),
        error=st.none(),
        results=st.dictionaries(words, _SIZES, max_size=3).map(lambda d: tuple(d.items())),
    ),
    st.builds(
        EndEvent,
        n=epochs,
        state=st.sampled_from([JobState.FAILED, JobState.CANCELLED]),
        error=st.from_regex(r"E_[A-Z_]{1,40}", fullmatch=True),
        results=st.just(()),
    ),
)
users = st.builds(
    UserEntry,
    user=ids,
    certificates=st.lists(digests, min_size=1, max_size=3).map(tuple),
    roles=st.lists(st.sampled_from(Role), min_size=1, unique=True).map(tuple),
)
role_policies = st.builds(
    RolePolicy,
    users=st.lists(
        users,
        max_size=3,
        unique_by=(lambda user: user.user, lambda user: user.certificates),
    ).map(tuple),
    rights=st.dictionaries(
        st.sampled_from(Role), st.frozensets(st.sampled_from(Operation), min_size=1), min_size=1
    ),
).filter(lambda policy: _unique([c for u in policy.users for c in u.certificates]))


def _unique(items: list[str]) -> bool:
    return len(set(items)) == len(items)


bundle_cores = st.builds(
    BundleCore,
    site_key_id=digests,
    epoch=epochs,
    issued_at=moments,
    not_before=moments,
    not_after=moments,
    user_ca=st.binary(max_size=50),
    roles=role_policies,
    cases=st.lists(
        st.builds(
            CaseGrant,
            pseudonym=st.from_regex(r"P[A-Z2-7]{16}", fullmatch=True),
            user=ids,
            until=moments,
        ),
        max_size=2,
    ).map(tuple),
    revoked=st.lists(digests, max_size=2).map(tuple),
    manifest_keys=st.lists(st.binary(max_size=50), min_size=1, max_size=3).map(tuple),
    recipient_certificate=st.binary(max_size=50),
    auditor_key=_PUBLIC_KEYS[HpkeSuite.MLKEM768_X25519],
    escrow_certificate=st.binary(max_size=50),
    offline=st.lists(
        st.builds(
            OfflineRecipient,
            name=st.from_regex(OFFLINE_NAME, fullmatch=True),
            classes=st.sets(st.sampled_from(RevealClass), min_size=1).map(
                lambda classes: tuple(sorted(classes, key=lambda one: one.value))
            ),
            certificate=st.binary(max_size=50),
        ),
        max_size=MAX_OFFLINE,
        unique_by=lambda one: one.name,
    ).map(lambda found: tuple(sorted(found, key=lambda one: one.name))),
    lease_s=st.just(0) | st.integers(MIN_LEASE_S, MAX_LEASE_S),
    secrets_sha256=digests,
)
leases = st.tuples(moments, st.integers(1, MAX_LEASE_S), ids, epochs).map(
    lambda parts: Lease(
        time=parts[0].replace(year=2028),
        not_after=parts[0].replace(year=2028) + timedelta(seconds=parts[1]),
        start_id=parts[2],
        epoch=parts[3],
    )
)
_EMPTY = st.just("")
_NOTES = st.text(
    st.characters(codec="utf-8", min_codepoint=0x20, exclude_characters="\x7f"),
    max_size=NOTE_CHARACTERS,
).map(lambda text: normalize("NFC", text)[:NOTE_CHARACTERS])
audit_lines = st.builds(
    AuditLine,
    n=epochs,
    prev=digests,
    time=moments,
    start_id=ids,
    event=st.sampled_from(AuditEvent),
    user=_EMPTY | ids,
    job=_EMPTY | ids,
    epoch=st.just(0) | epochs,
    code=_EMPTY | st.from_regex(r"E_[A-Z_]{1,40}", fullmatch=True),
    digest=_EMPTY | digests,
    case=_EMPTY | st.from_regex(r"P[A-Z2-7]{16}", fullmatch=True),
    note=_NOTES,
)
audit_pages = st.builds(
    AuditPage,
    instance_id=ids,
    start_id=ids,
    n=st.just(0) | epochs,
    head=digests,
    lines=st.lists(st.binary(max_size=50), max_size=3).map(tuple),
)
bundle_secrets = st.builds(
    BundleSecrets,
    salt=st.binary(min_size=32, max_size=32),
    pseudonym_key=st.binary(min_size=32, max_size=32),
    recipient_key=st.binary(max_size=50),
    manifest_key=st.binary(max_size=50),
)
_SPACINGS = st.floats(0.05, 100.0)
_ORIGINS = st.floats(-1e6, 1e6)
_KINDS = st.sampled_from(
    [("ct_number", "HU", "int16"), ("dose", "Gy", "float64"), ("label", "1", "uint8")]
)


def _volume(
    shape: tuple[int, int, int], kind: tuple[str, str, str]
) -> st.SearchStrategy[VolumeHeader]:
    return st.builds(
        VolumeHeader,
        shape=st.just(shape),
        dtype=st.just(kind[2]),
        spacing_mm=st.tuples(_SPACINGS, _SPACINGS, _SPACINGS),
        origin_mm=st.tuples(_ORIGINS, _ORIGINS, _ORIGINS),
        direction=st.lists(finite, min_size=9, max_size=9).map(tuple),
        quantity=st.just(kind[0]),
        unit=st.just(kind[1]),
        frame_of_reference=uids,
        slice_uids=st.lists(uids, min_size=shape[0], max_size=shape[0]).map(tuple),
    )


_EDGES = st.integers(1, 4)
volume_headers = st.tuples(st.tuples(_EDGES, _EDGES, _EDGES), _KINDS).flatmap(
    lambda pair: _volume(pair[0], pair[1])
)
lives = st.timedeltas(timedelta(seconds=1), timedelta(hours=24)).map(
    lambda life: timedelta(seconds=int(life.total_seconds()))
)
