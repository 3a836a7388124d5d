"""A check tells a form, if it asks, what its user may do at this worker."""

import pytest
from Testing.Integration.hospital import Ward

from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.process import Message, client_argv, run_client


def _checked(ward: Ward, home: ClientHome, **members: object) -> Message:
    request = {"url": ward.hospital.url, "home": str(home.path), **members}
    return run_client(client_argv("check"), request, time_limit_s=60)


def test_a_form_hears_of_tasks_structures_and_bounds(ward: Ward) -> None:
    offer = _checked(ward, ward.physicist, offer=True)["offer"]

    assert isinstance(offer, dict)
    assert offer["tasks"]["segment"] == ["body", "lung_left", "lung_right", "skeleton"]
    assert offer["object_bytes"] == 4 * 2**30
    assert 0 <= offer["patients_today"] <= offer["patients_per_day"] == 200


@pytest.mark.parametrize("members", [{}, {"offer": False}])
def test_nobody_else_hears_of_it(ward: Ward, members: dict[str, object]) -> None:
    assert "offer" not in _checked(ward, ward.physicist, **members)
