"""Orders written by hand, so that a test can change one member of them."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import EndEvent, Event, decode_event
from encryptsecurert_protocol.fields import ID_BYTES, base64_text
from encryptsecurert_protocol.framing import pack_batch
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.results import ResultKey
from encryptsecurert_protocol.sealing import HpkeKeyPair, random_octets
from encryptsecurert_protocol.signatures import Label, sign, signed_message
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.segment import volume_content
from EncryptSecureRTLib.client.series import read_ct_series
from EncryptSecureRTLib.client.structures import OUTPUTS, STRUCTURES
from EncryptSecureRTLib.client.upload import Content, upload

P = ParamSpec("P")
RESULT_KEY = HpkeKeyPair.generate()
NO_HEADERS = pack_batch([b"\x00\x00\x00\x02{}"])  # one item, which `protect` refuses
PROTECT_PARAMETERS = {"schema": "encryptsecurert.protect/2", "dates": "remove", "pixels": "judged"}


def refusal_of(action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> ErrorCode:
    """Return the code with which an action is refused."""
    with pytest.raises(EncryptSecureRTError) as refusal:
        action(*args, **kwargs)
    return refusal.value.code


def now() -> datetime:
    """Return the time in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def put_object(
    channel: Channel, home: ClientHome, content: bytes, kind: ObjectKind = ObjectKind.PARAMETERS
) -> str:
    """Upload octets and return the object's name."""
    return upload(channel, home, kind, Content([content])).name


def announcement(header: bytes, sealed: bytes) -> dict[str, Any]:
    """Return the message that begins an upload."""
    return {"header": base64_text(header), "sealed": base64_text(sealed)}


def announce(channel: Channel, client: Client) -> dict[str, Any]:
    """Begin an upload, and return the worker's answer."""
    message = announcement(client.header, client.sealed)
    return channel.request_json("POST", "/v1/objects", message)


def draft(
    channel: Channel,
    home: ClientHome,
    *,
    task: str = "protect",
    inputs: tuple[str, ...] | None = None,
    parameters: dict[str, Any] | None = None,
    **changes: Any,
) -> JobHeader:
    """Return the header of a right order, with some members changed.

    The order is acceptable; whether its job succeeds depends on inputs and parameters.
    """
    user, statement = home.user(), channel.statement
    assert statement.bundle is not None
    if inputs is None:
        inputs = (put_object(channel, home, NO_HEADERS, ObjectKind.HEADERS),)
    parameters_octets = canonical.encode(parameters or PROTECT_PARAMETERS)
    header = JobHeader(
        job=random_octets(ID_BYTES).hex(),
        user=user.user,
        certificate=user.fingerprint,
        task=task,
        inputs=inputs,
        parameters=put_object(channel, home, parameters_octets),
        result_key=ResultKey(suite=RESULT_KEY.suite, public=RESULT_KEY.public),
        created=now(),
        expires=now() + timedelta(hours=24),
        site_key_id=statement.bundle.site_key_id,
        min_epoch=statement.bundle.epoch,
        policy=channel.verdict.policy_sha256,
        worker=statement.hpke_key_sha256,
    )
    return dataclasses.replace(header, **changes)


def post(channel: Channel, header: JobHeader, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Sign and submit an order."""
    octets = header.encode()
    message = signed_message(octets, sign(key, Label.JOB, octets))
    return channel.request_json("POST", "/v1/jobs", message)


def segment_order(channel: Channel, home: ClientHome, folder: Any, **changes: Any) -> JobHeader:
    """Upload a protected series and return an order to segment it."""
    series = read_ct_series(folder)
    volume = upload(channel, home, ObjectKind.VOLUME, volume_content(series))
    parameters = {
        "schema": "encryptsecurert.segment/1",
        "structures": list(STRUCTURES),
        "outputs": list(OUTPUTS),
        "reference": {
            "study_instance_uid": series.study_instance_uid,
            "series_instance_uid": series.series_instance_uid,
            "patient_id": series.patient_id,
        },
    }
    changes = {"inputs": (volume.name,), **changes}
    return draft(channel, home, task="segment", parameters=parameters, **changes)


def events_of(channel: Channel, job: str, after: int = 0) -> list[Event]:
    """Follow a job to its end and return all its events."""
    lines = channel.stream_lines(f"/v1/jobs/{job}/events?after={after}", 65536)
    return [decode_event(line) for line in lines if line]


def end_of(channel: Channel, job: str) -> EndEvent:
    """Follow a job and return its end."""
    end = events_of(channel, job)[-1]
    assert isinstance(end, EndEvent)
    return end
