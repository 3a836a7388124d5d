"""The line is cut at every step of a job, and the job ends with the right result all the same."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from shown import SHOWN, Show
from Testing.Integration.cutting import CuttingTap, Steps
from Testing.Integration.hospital import Hospital
from Testing.Integration.small_jobs import (
    outputs,
    patient,
    run_small,
    small_volume,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome

pytestmark = pytest.mark.first

THREE_CHUNKS = (40, 180, 180)
MOST_OF_A_STEP = 8
LEAST_CUTS = 40
ANSWERS = (
    "POST /v1/objects",
    "PUT /v1/objects/{id}/{n}",
    "POST /v1/jobs",
    "GET /v1/jobs/{id}/events",
    "GET /v1/results/{id}/rtstruct.dcm",
    "GET /v1/results/{id}/receipt",
)


class SteppedHospital(Hospital):
    """A hospital whose worker notes each request."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tap = self.steps = Steps()


@dataclass
class Street:
    """The line between a user and the worker, and who can cut it."""

    hospital: SteppedHospital
    home: ClientHome
    tap: CuttingTap

    @property
    def steps(self) -> Steps:
        """What the worker saw."""
        return self.hospital.steps

    def run(self, seed: int, cut_at: int | None = None, answer: str = "") -> dict[str, str]:
        """Run a job of an object that the worker does not hold, cut somewhere; its outputs."""
        self.tap.kill_connections()
        with patient(self.home, self.tap.url, total_s=60) as channel:
            channel.request_json("GET", "/v1/tasks")
            self.steps.requests.clear()
            self.tap.arm(cut_at, answer=answer)
            content = small_volume(THREE_CHUNKS, series=1000 + seed)
            return dict(outputs(run_small(channel, self.home, content, 0)))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    hospital = SteppedHospital(tmp_path_factory.mktemp("street"))
    home = hospital.user(Role.PHYSICIST)
    with hospital:
        hospital.provision()
        with CuttingTap(hospital.url, hospital.steps) as tap:
            yield Street(hospital, home, tap)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_outlasts_a_cut_at_any_step(street: Street, record_property: Show) -> None:
    street.run(0)
    table: Counter[str] = Counter()
    for cut_at in _some_of_each(street):
        assert set(street.run(cut_at, cut_at=cut_at)) == {"rtstruct.dcm"}
        if street.tap.cut is not None:  # a run may have fewer pieces than the first
            table[street.steps.of(street.tap.cut)] += 1
    for number, answer in enumerate(ANSWERS, 1):
        assert set(street.run(-number, answer=answer)) == {"rtstruct.dcm"}
        assert street.tap.cut is not None, answer
        table[f"answer   {answer}"] += 1

    rows = [f"{cuts:4}  {step}" for step, cuts in sorted(table.items())]
    record_property(SHOWN, "\n".join(["cuts  step", *rows]))
    requests = sum(cuts for step, cuts in table.items() if step.startswith("request"))
    assert requests >= LEAST_CUTS // 4
    assert sum(table.values()) >= LEAST_CUTS


def _some_of_each(street: Street) -> list[int]:
    """Return the numbers of the pieces at which to cut: not more than a few of each step."""
    steps: Counter[str] = Counter()
    chosen = []
    for number, piece in enumerate(street.tap.pieces, 1):
        step = street.steps.of(piece)
        steps[step] += 1
        if steps[step] <= MOST_OF_A_STEP:
            chosen.append(number)
    return chosen


@pytest.mark.timeout(120)
def test_a_cut_before_the_first_verdict_is_one_error_and_nothing_was_sent(street: Street) -> None:
    street.tap.arm(None)
    with open_channel(street.home, street.tap.url):
        pass
    refused = []
    for cut_at in range(1, len(street.tap.pieces)):
        street.steps.requests.clear()
        street.tap.arm(cut_at)
        try:  # an end without a word is asked once more, so a single cut may be mended
            open_channel(street.home, street.tap.url).close()
        except EncryptSecureRTError as error:
            refused.append(error.code)
        lines = {line for _, line in street.steps.requests}
        assert lines <= {"GET /v1/evidence", "GET /v1/health"}

    assert set(refused) == {ErrorCode.E_UNREACHABLE}
