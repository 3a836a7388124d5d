"""The text form of a test vector: header lines, an empty line, the payload (see README.md).

>>> vector = Vector(kind="canonical", expect="ok", comment="smallest", fields={}, payload=b"{}")
>>> parse(render(vector)) == vector
True
"""

import base64
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

MARK = "encryptsecurert-vector: 1"
_LINE_OCTETS = 76


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One scenario: what is given, and what must come of it."""

    kind: str
    expect: str
    comment: str
    fields: Mapping[str, str]
    payload: bytes

    def octets(self, name: str) -> bytes:
        """Return an octet field; its name ends in `-hex` or `-b64`."""
        if name.endswith("-hex"):
            return bytes.fromhex(self.fields[name])
        return base64.b64decode(self.fields[name], validate=True)


def octet_fields(octets: Mapping[str, bytes]) -> dict[str, str]:
    """Return fields of octets, in hex or base64 as their names end."""
    return {
        name: value.hex() if name.endswith("-hex") else base64.b64encode(value).decode("ascii")
        for name, value in octets.items()
    }


def _is_text(payload: bytes) -> bool:
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(text) and text.isprintable()


def render(vector: Vector) -> str:
    """Return the file's text."""
    as_text = _is_text(vector.payload)
    head = [MARK, f"kind: {vector.kind}", f"expect: {vector.expect}", f"comment: {vector.comment}"]
    head += [f"{name}: {value}" for name, value in vector.fields.items()]
    head.append(f"payload: {'text' if as_text else 'base64'}")
    if as_text:
        body = vector.payload.decode("utf-8")
    else:
        body = "\n".join(textwrap.wrap(base64.b64encode(vector.payload).decode(), _LINE_OCTETS))
    return "\n".join([*head, "", body]) + "\n"


def parse(text: str) -> Vector:
    """Read a file's text; anything odd is a ValueError, since these files are our own."""
    head, separator, body = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != MARK or not body.endswith("\n"):
        raise ValueError("not a test vector")
    fields: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(": ")
        if not colon or name in fields or not value:
            raise ValueError("malformed or doubled line")
        fields[name] = value
    form = fields.pop("payload")
    if form == "text":
        payload = body[:-1].encode("utf-8")
    elif form == "base64":
        payload = base64.b64decode("".join(body.split("\n")), validate=True)
    else:
        raise ValueError("unknown form of payload")
    kind, expect, comment = fields.pop("kind"), fields.pop("expect"), fields.pop("comment")
    return Vector(kind=kind, expect=expect, comment=comment, fields=fields, payload=payload)
