"""Scenarios of provisioning bundles and leases: a good one each, then one defect at a time."""

import hashlib
from collections.abc import Iterator

from Testing.Unit.protocol.second_hpke import public_octets
from Testing.Unit.protocol.second_implementation import b64, canonical
from Testing.vectors.cases_messages import Defects, changed
from Testing.vectors.vector_file import Vector, octet_fields
from Testing.vectors.vector_keys import (
    OTHER_SITE_KEY,
    SITE_KEY,
    WORKER_1,
    WORKER_2,
    KeptSealings,
    digest,
    identifier,
    seed,
    sign,
    spki,
)

Case = tuple[str, Vector]

_SECRETS = canonical(
    {
        "salt": b64(seed("salt")),
        "keys": {
            "pseudonym": b64(seed("pseudonym")),
            "recipient": b64(seed("recipient", 100)),
            "manifest": b64(seed("manifest", 48)),
        },
    }
)
_USERS = [
    {
        "user": identifier("user"),
        "certificates": [digest("certificate")],
        "roles": ["physicist", "custodian"],
    }
]
_OTHER_USER = {"user": identifier("other user")}
_OTHER_PRINT = {"certificates": [digest("other certificate")]}
_RIGHTS = [
    {"role": "custodian", "operations": ["provision"]},
    {"role": "physicist", "operations": ["dose", "protect", "reveal"]},
]
_OFFLINE = [
    {
        "name": name,
        "classes": ["dates", "identity"],
        "certificate": b64(seed(f"certificate {name}", 900)),
    }
    for name in ("console", "console-2", "gateway", "ward", "workstation")
]
_CORE = {
    "schema": "encryptsecurert.bundle/2",
    "site_key_id": hashlib.sha256(spki(SITE_KEY)).hexdigest(),
    "epoch": 7,
    "issued_at": "2026-05-01T00:00:00Z",
    "not_before": "2026-05-01T00:00:00Z",
    "not_after": "2026-08-01T00:00:00Z",
    "user_ca": b64(seed("user ca", 300)),
    "roles": {"users": _USERS, "rights": _RIGHTS},
    "cases": [
        {
            "pseudonym": "PABCDEFGH234567AB",
            "user": identifier("user"),
            "until": "2026-07-01T00:00:00Z",
        }
    ],
    "revoked": [digest("revoked")],
    "public_keys": {
        "manifest": [b64(seed("manifest public", 44))],
        "recipient": b64(seed("recipient certificate", 900)),
        "auditor": b64(public_octets(2, WORKER_2)),
    },
    "escrow_certificate": b64(seed("escrow certificate", 900)),
    "offline": [],
    "lease_s": 0,
    "secrets_sha256": hashlib.sha256(_SECRETS).hexdigest(),
}
_CORE_DEFECTS: Defects = {
    "ok-lease-shortest": ({"lease_s": 600}, "ok", "leases of ten minutes"),
    "ok-lease-longest": ({"lease_s": 2_678_400}, "ok", "leases of 31 days"),
    "lease-599": ({"lease_s": 599}, "E_BUNDLE", "shorter than ten minutes"),
    "lease-2678401": ({"lease_s": 2_678_401}, "E_BUNDLE", "longer than 31 days"),
    "lease-negative": ({"lease_s": -1}, "E_BUNDLE", "no length"),
    "other-site-key-id": ({"site_key_id": digest("site")}, "E_BUNDLE", "id of another key"),
    "other-secrets": ({"secrets_sha256": digest("x")}, "E_BUNDLE", "secrets of another bundle"),
    "epoch-zero": ({"epoch": 0}, "E_BUNDLE", "epochs begin at 1"),
    "user-twice": (
        {"roles": {"users": [*_USERS, {**_USERS[0], **_OTHER_PRINT}], "rights": _RIGHTS}},
        "E_BUNDLE",
        "one user id in two entries",
    ),
    "fingerprint-twice": (
        {"roles": {"users": [*_USERS, {**_USERS[0], **_OTHER_USER}], "rights": _RIGHTS}},
        "E_BUNDLE",
        "one certificate of two users",
    ),
    "ok-two-users": (
        {
            "roles": {
                "users": [*_USERS, {**_USERS[0], **_OTHER_USER, **_OTHER_PRINT}],
                "rights": _RIGHTS,
            }
        },
        "ok",
        "two users with a certificate each",
    ),
    "rights-unsorted": (
        {"roles": {"users": _USERS, "rights": _RIGHTS[::-1]}},
        "E_BUNDLE",
        "roles are sorted",
    ),
    "ok-break-glass": (
        {
            "roles": {
                "users": _USERS,
                "rights": [{"role": "radiologist", "operations": ["break-glass", "reveal"]}],
            }
        },
        "ok",
        "an operation of its own",
    ),
    "other-operation": (
        {"roles": {"users": _USERS, "rights": [{"role": "auditor", "operations": ["all"]}]}},
        "E_BUNDLE",
        "no such operation",
    ),
    "pseudonym": (
        {
            "cases": [
                {"pseudonym": "P1", "user": identifier("user"), "until": "2026-07-01T00:00:00Z"}
            ]
        },
        "E_BUNDLE",
        "not a pseudonym",
    ),
    "ok-offline": ({"offline": _OFFLINE[:4]}, "ok", "as many offline recipients as there may be"),
    "offline-five": ({"offline": _OFFLINE}, "E_BUNDLE", "one too many"),
    "offline-unsorted": ({"offline": _OFFLINE[1::-1]}, "E_BUNDLE", "sorted by name"),
    "offline-twice": ({"offline": _OFFLINE[:1] * 2}, "E_BUNDLE", "one name twice"),
    "offline-name": ({"offline": [{**_OFFLINE[0], "name": "Dr. A"}]}, "E_BUNDLE", "no such name"),
    "offline-no-class": ({"offline": [{**_OFFLINE[0], "classes": []}]}, "E_BUNDLE", "no class"),
    "offline-other-class": (
        {"offline": [{**_OFFLINE[0], "classes": ["all"]}]},
        "E_BUNDLE",
        "classes are named one by one",
    ),
    "offline-classes-unsorted": (
        {"offline": [{**_OFFLINE[0], "classes": ["identity", "dates"]}]},
        "E_BUNDLE",
        "classes are sorted",
    ),
    "offline-class-twice": (
        {"offline": [{**_OFFLINE[0], "classes": ["dates", "dates"]}]},
        "E_BUNDLE",
        "one class twice",
    ),
    "offline-missing": ({"-": "offline"}, "E_BUNDLE", "the form of version 0.1.0"),
    "schema-1": ({"schema": "encryptsecurert.bundle/1"}, "E_BUNDLE", "an earlier schema"),
    "unknown-member": ({"note": "x"}, "E_BUNDLE", "a member that is not known"),
}


def _sealed_secrets(
    kept: KeptSealings, name: str, core: bytes, suite: int, secret: bytes, **other: bytes
) -> bytes:
    public = public_octets(suite, secret)
    info = (
        b"EncryptSecureRT/provision/v1\x00" + hashlib.sha256(other.get("sealed_for", core)).digest()
    )
    info += hashlib.sha256(public).digest()
    return kept.seal(f"bundle {name}", suite, secret, info, other.get("plaintext", _SECRETS))


def _bundle_vector(expect: str, comment: str, core: bytes, sealed: bytes, **other: bytes) -> Vector:
    octets = {
        "site-key-b64": spki(SITE_KEY),
        "signature-hex": other.get("signature", sign(SITE_KEY, "bundle", core)),
        "sealed-b64": sealed,
        "secret-b64": other.get("secret", WORKER_1),
    }
    fields = {"suite": str(1 if len(octets["secret-b64"]) == 32 else 2), **octet_fields(octets)}
    return Vector(kind="bundle", expect=expect, comment=comment, fields=fields, payload=core)


_LEASE = {
    "schema": "encryptsecurert.lease/1",
    "start_id": identifier("start"),
    "epoch": 7,
    "time": "2026-05-04T03:02:01Z",
    "not_after": "2026-05-05T03:02:01Z",
}
_LEASE_DEFECTS: Defects = {
    "ok": ({}, "ok", "for a day"),
    "ok-longest": ({"not_after": "2026-06-04T03:02:01Z"}, "ok", "31 days"),
    "ok-a-second": ({"not_after": "2026-05-04T03:02:02Z"}, "ok", "the shortest"),
    "too-long": ({"not_after": "2026-06-04T03:02:02Z"}, "E_BUNDLE", "31 days and a second"),
    "no-time": ({"not_after": "2026-05-04T03:02:01Z"}, "E_BUNDLE", "it ends when it begins"),
    "backwards": ({"not_after": "2026-05-04T03:02:00Z"}, "E_BUNDLE", "it ends before it begins"),
    "epoch-zero": ({"epoch": 0}, "E_BUNDLE", "epochs begin at 1"),
    "start-short": ({"start_id": identifier("start")[:30]}, "E_BUNDLE", "15 octets"),
    "time-with-zone": ({"time": "2026-05-04T03:02:01+00:00"}, "E_BUNDLE", "not the one form"),
    "schema-2": ({"schema": "encryptsecurert.lease/2"}, "E_BUNDLE", "a later schema"),
    "unknown-member": ({"note": "x"}, "E_BUNDLE", "a member that is not known"),
    "missing-member": ({"-": "epoch"}, "E_BUNDLE", "a member is missing"),
}


def _leases() -> Iterator[Case]:
    good = canonical(_LEASE)
    signed = sign(SITE_KEY, "lease", good)
    rows = {
        name: (octets := changed(_LEASE, changes), sign(SITE_KEY, "lease", octets), expect, comment)
        for name, (changes, expect, comment) in _LEASE_DEFECTS.items()
    }
    by_other, as_bundle = sign(OTHER_SITE_KEY, "lease", good), sign(SITE_KEY, "bundle", good)
    rows["signed-by-another"] = (good, by_other, "E_BUNDLE", "signed by another site")
    rows["other-label"] = (good, as_bundle, "E_BUNDLE", "signed for another use")
    rows["signature-short"] = (good, signed[:63], "E_BUNDLE", "63 octets")
    rows["not-canonical"] = (good + b"\n", sign(SITE_KEY, "lease", good + b"\n"), "E_BUNDLE", "LF")
    for name, (octets, signature, expect, comment) in rows.items():
        fields = octet_fields({"site-key-b64": spki(SITE_KEY), "signature-hex": signature})
        yield (
            f"lease/{name}",
            Vector(kind="lease", expect=expect, comment=comment, fields=fields, payload=octets),
        )


def cases(kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    yield from _leases()
    core = canonical(_CORE)
    good = _sealed_secrets(kept, "suite 1", core, 1, WORKER_1)
    yield "bundle/ok-suite-1", _bundle_vector("ok", "to a worker of suite 1", core, good)
    sealed = _sealed_secrets(kept, "suite 2", core, 2, WORKER_2)
    vector = _bundle_vector("ok", "the default suite", core, sealed, secret=WORKER_2)
    yield "bundle/ok-suite-2", vector
    for name, (changes, expect, comment) in _CORE_DEFECTS.items():
        octets = changed(_CORE, changes)
        sealed = _sealed_secrets(kept, name, octets, 1, WORKER_1)
        yield f"bundle/{name}", _bundle_vector(expect, comment, octets, sealed)
    by_other = sign(OTHER_SITE_KEY, "bundle", core)
    as_policy = sign(SITE_KEY, "policy", core)
    rows: dict[str, tuple[bytes, dict[str, bytes], str]] = {
        "signed-by-another": (good, {"signature": by_other}, "signed by another site"),
        "other-label": (good, {"signature": as_policy}, "signed for another use"),
        "other-worker": (good, {"secret": seed("other")}, "sealed to another worker"),
        "secrets-of-other-core": (
            _sealed_secrets(kept, "core", core, 1, WORKER_1, sealed_for=b"{}"),
            {},
            "secrets sealed for another core",
        ),
        "secrets-swapped": (
            _sealed_secrets(kept, "swap", core, 1, WORKER_1, plaintext=_SECRETS + b" "),
            {},
            "anybody can seal; the core names the digest",
        ),
    }
    for name, (sealed, other, comment) in rows.items():
        yield f"bundle/{name}", _bundle_vector("E_BUNDLE", comment, core, sealed, **other)
