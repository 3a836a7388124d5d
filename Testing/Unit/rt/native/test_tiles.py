"""Tiles on threads: the order of results, progress, cancelling, errors."""

import threading
import time

import pytest

from encryptsecurert_rt.errors import Cancelled, InvalidInput
from encryptsecurert_rt.native.tiles import run_tiles
from encryptsecurert_rt.progress import no_progress


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_tiles_for_any_number_of_threads(threads: int) -> None:
    def slow_at_first(tile: int) -> int:
        time.sleep(0.002 if tile < 3 else 0.0)
        return tile * tile

    made = run_tiles(11, slow_at_first, threads=threads, progress=no_progress, stage="search")

    assert made == [tile * tile for tile in range(11)]


def test_progress_rises_to_one_and_is_told_in_the_callers_thread() -> None:
    heard: list[tuple[str, float]] = []
    caller = threading.get_ident()

    def listen(stage: str, fraction: float) -> None:
        assert threading.get_ident() == caller
        heard.append((stage, fraction))

    run_tiles(4, lambda tile: tile, threads=2, progress=listen, stage="search")

    assert heard == [("search", n / 4) for n in (1, 2, 3, 4)]


def test_a_cancelled_run_begins_no_other_tile() -> None:
    begun: list[int] = []

    def cancel(stage: str, fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        run_tiles(1000, begun.append, threads=2, progress=cancel, stage="search")

    assert len(begun) <= 8


def test_an_error_in_a_tile_is_the_callers_error() -> None:
    def fail(tile: int) -> None:
        raise InvalidInput("tile")

    with pytest.raises(InvalidInput):
        run_tiles(3, fail, threads=2, progress=no_progress, stage="search")


def test_no_tiles_give_no_results_and_no_threads_are_refused() -> None:
    assert run_tiles(0, lambda tile: tile, threads=1, progress=no_progress, stage="s") == []
    with pytest.raises(InvalidInput):
        run_tiles(1, lambda tile: tile, threads=0, progress=no_progress, stage="s")
