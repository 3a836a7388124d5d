"""A check tells a form, if it asks, what its user may do at this worker."""

import pytest
from Testing.Integration.hospital import Ward
from Testing.Integration.requests_of_a_panel import ask


def test_a_form_hears_of_tasks_structures_and_bounds(ward: Ward) -> None:
    result, _ = ask(ward, "check", offer=True)

    offer = result["offer"]
    assert offer["tasks"]["segment"] == ["body", "lung_left", "lung_right", "skeleton"]
    assert offer["object_bytes"] == 4 * 2**30
    assert 0 <= offer["patients_today"] <= offer["patients_per_day"] == 200


@pytest.mark.parametrize("members", [{}, {"offer": False}])
def test_nobody_else_hears_of_it(ward: Ward, members: dict[str, object]) -> None:
    result, _ = ask(ward, "check", **members)

    assert "offer" not in result
