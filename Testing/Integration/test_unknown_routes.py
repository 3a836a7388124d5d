"""What is no route gets the same form of error as everything else, and no word of the framework."""

import pytest
from Testing.Integration.hospital import Ward
from Testing.Integration.orders import refusal_of

from encryptsecurert_protocol.errors import ErrorCode


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1/nothing"),
        ("PATCH", "/v1/jobs"),
        ("DELETE", "/v1/objects"),
        ("GET", "/v1/results/..%2f..%2fetc/receipt"),
        ("GET", "/v1//jobs"),
    ],
)
def test_what_is_no_route_is_not_found(ward: Ward, method: str, path: str) -> None:
    with ward.channel() as channel:
        code = refusal_of(lambda: channel.request(method, path))

    assert code is ErrorCode.E_NOT_FOUND


def test_a_route_beside_them_answers(ward: Ward) -> None:
    with ward.channel() as channel:
        answer = channel.request_json("GET", "/v1/health")

    assert answer["alive"] is True
