"""Under which name a connection is counted: nobody who is out takes a place from a user."""

from Testing.Integration.served import Idle
from Testing.Unit.worker.made import NOW, HandMadeSite, HandMadeUser

from encryptsecurert_worker.server.door import Bounds, Cut, Door
from encryptsecurert_worker.server.metrics import Metrics
from encryptsecurert_worker.vault.site import Site

HERE = "192.0.2.1"


def _door(made: HandMadeSite, *users: HandMadeUser) -> Door:
    site = Site()
    site.provision(made.message(made.core(*users)), [made.worker_key], NOW)
    return Door(site, lambda: NOW, Metrics(Idle()))


def test_users_of_the_bundle_have_places_of_their_own(made: HandMadeSite) -> None:
    one, other = made.user(), made.user()
    door = _door(made, one, other)

    assert door.seat(one.certificate, HERE) != door.seat(other.certificate, HERE)


def test_all_who_are_out_have_the_places_of_one_caller(made: HandMadeSite) -> None:
    user, left = made.user(), [made.user() for _ in range(4)]
    door, bounds = _door(made, user), Bounds()
    taken: list[bytes] = []
    refusals = []
    for stranger in left:
        for _ in range(bounds.per_caller):
            seat = door.seat(stranger.certificate, HERE)
            refusals.append(door.refusal(seat, stranger.certificate, taken, bounds))
            taken += [] if refusals[-1] else [seat]

    assert refusals.count(None) == bounds.per_caller
    assert set(refusals) == {None, Cut.CALLERS_PLACES}
    assert door.refusal(door.seat(user.certificate, HERE), user.certificate, taken, bounds) is None


def test_before_the_first_bundle_callers_are_counted_by_their_address() -> None:
    door = Door(Site(), lambda: NOW, Metrics(Idle()))

    assert door.seat(None, HERE) != door.seat(None, "192.0.2.2")
