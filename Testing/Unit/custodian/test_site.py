"""A site: founded whole, opened by its passphrase only, changed one whole step at a time."""

import base64
import errno
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Operation, Role
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.founding import AUDITOR_CONTENT
from EncryptSecureRTLib.custodian.passphrase import open_file
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import Site, init_site, open_site
from EncryptSecureRTLib.custodian.site_keys import OfflineKeys, SiteKeys, private_der
from EncryptSecureRTLib.custodian.site_state import SiteState

Contents = Callable[[Path], dict[str, bytes]]
RequestOf = Callable[..., bytes]
Reopen = Callable[[], Site]


def _full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "no space")


def _secrets(keys: SiteKeys) -> list[bytes]:
    """Return what must be nowhere in the clear: key octets, and them inside the base64 of a key."""
    scalar = keys.user_ca.private_numbers().private_value.to_bytes(32, "big")
    in_der = private_der(keys.user_ca).index(scalar)
    assert in_der % 3 == 0  # so that the scalar's own base64 stands in the whole one's
    raw = [keys.pseudonym, keys.ledger, scalar]
    raw += [key.private_bytes_raw() for key in (keys.site_signing, keys.manifest)]
    raw += [private_der(keys.recipient)[-96:]]  # the end of an RSA key is its CRT coefficient
    ends = (private_der(k) for k in (keys.site_signing, keys.manifest, keys.recipient))
    texts = [base64.b64encode(der)[-36:] for der in ends]
    return raw + texts + [base64.b64encode(octets[:30]) for octets in raw[:3]]


def test_folders_are_0700_and_files_0600(site_dir: Path) -> None:
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [*site_dir.rglob("*")]}

    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_site_that_was_made_can_be_opened(tmp_path: Path, passphrase: bytes) -> None:
    made = init_site(tmp_path / "site", passphrase)

    opened = open_site(tmp_path / "site", passphrase)

    assert opened.state == made.state
    assert opened.state.epoch == 1
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_another_passphrase_opens_nothing(site_dir: Path, contents: Contents) -> None:
    before = contents(site_dir)

    with pytest.raises(EncryptSecureRTError) as caught:
        open_site(site_dir, b"another passphrase")

    assert caught.value.code is ErrorCode.E_USAGE
    assert "passphrase is wrong" in caught.value.what
    assert contents(site_dir) == before


def test_a_short_passphrase_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        init_site(tmp_path / "site", b"short")

    assert caught.value.code is ErrorCode.E_USAGE
    assert list(tmp_path.iterdir()) == []


def test_a_site_is_never_made_over_another(
    site_dir: Path, passphrase: bytes, contents: Contents
) -> None:
    before = contents(site_dir)

    with pytest.raises(EncryptSecureRTError) as caught:
        init_site(site_dir, passphrase)

    assert caught.value.code is ErrorCode.E_LOCAL_FILE
    assert contents(site_dir) == before


def test_a_full_disk_leaves_no_half_site(
    tmp_path: Path, passphrase: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    real = os.fsync

    def full_after_some(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 6:
            _full_disk()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full_after_some)

    with pytest.raises(EncryptSecureRTError) as caught:
        init_site(tmp_path / "site", passphrase)

    assert caught.value.code is ErrorCode.E_LOCAL_FILE
    assert list(tmp_path.iterdir()) == []


def test_no_secret_lies_on_the_disk_in_the_clear(
    site: Site, keys: SiteKeys, contents: Contents
) -> None:
    site.current_bundle()

    everything = b"\n".join(contents(site.path).values())
    found = [secret for secret in _secrets(keys) if secret in everything]
    assert found == []
    assert keys.site_spki in everything  # the search would find what is there


def test_no_secret_is_in_any_text_form(site: Site, keys: SiteKeys) -> None:
    texts = [repr(site), repr(keys), repr(site.current_bundle()), repr(OfflineKeys.generate())]
    texts += [str(site), str(keys)]

    for secret in _secrets(keys):
        assert not any(secret.hex() in text or repr(secret)[2:-1] in text for text in texts)


def test_the_offline_keys_open_with_the_passphrase(site_dir: Path, passphrase: bytes) -> None:
    secret = open_file(
        passphrase, AUDITOR_CONTENT, (site_dir / "auditor" / "auditor.key.sealed").read_bytes()
    )

    pair = HpkeKeyPair.from_secret(HpkeSuite.MLKEM768_X25519, secret)
    assert pair.public == (site_dir / "auditor" / "auditor.pub").read_bytes()


def test_the_custodians_home_is_a_whole_client_folder(site: Site) -> None:
    home = site.home

    assert isinstance(home, ClientHome)
    assert home.user().user == site.state.home_user
    assert home.site_key() == (site.path / "site.pub").read_bytes()
    assert len(home.dedup_key()) == 32
    entry = site.state.user(site.state.home_user)
    assert entry is not None
    assert entry.certificates[0].fingerprint == home.user().fingerprint


def test_the_custodian_may_provision_and_nothing_else(site: Site) -> None:
    roles = site.state.roles_at(site.now)
    (entry,) = roles.users

    assert [o for o in Operation if roles.allows(entry, o)] == [Operation.PROVISION]


def test_a_users_id_is_random_and_not_from_the_request(
    site: Site, request_of: RequestOf, contents: Contents
) -> None:
    credentials = site.add_user(request_of(name="Dr. Jane Doe"), [Role.PHYSICIST])

    assert len(bytes.fromhex(credentials.user)) == 16
    assert b"Jane" not in b"".join(contents(site.path).values())
    assert b"Jane" not in b"".join(credentials.files().values())


def test_adding_a_user_raises_the_epoch_and_is_there_after_reopening(
    site: Site, request_of: RequestOf, reopen: Reopen
) -> None:
    credentials = site.add_user(request_of(), [Role.PHYSICIST, Role.RESEARCHER])

    again = reopen()
    assert again.state == site.state
    assert (credentials.epoch, again.state.epoch) == (2, 2)
    entry = again.state.user(credentials.user)
    assert entry is not None
    assert entry.roles == (Role.PHYSICIST, Role.RESEARCHER)
    assert again.state.roles_at(again.now).user_of(credentials.fingerprint) is not None


def test_a_certificate_lasts_ninety_days_unless_said_otherwise(
    site: Site, request_of: RequestOf
) -> None:
    assert site.add_user(request_of(), [Role.PHYSICIST]).not_after == datetime(
        2025, 4, 6, 12, tzinfo=UTC
    )
    assert site.add_user(request_of(), [Role.PHYSICIST], 7).not_after == datetime(
        2025, 1, 13, 12, tzinfo=UTC
    )


@pytest.mark.parametrize("days", [0, 398, -1])
def test_too_few_or_too_many_days_are_refused(site: Site, request_of: RequestOf, days: int) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        site.add_user(request_of(), [Role.PHYSICIST], days)

    assert caught.value.code is ErrorCode.E_USAGE


@pytest.mark.parametrize("roles", [[], [Role.PHYSICIST, Role.PHYSICIST]])
def test_no_role_or_one_role_twice_is_refused(
    site: Site, request_of: RequestOf, roles: list[Role]
) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        site.add_user(request_of(), roles)

    assert caught.value.code is ErrorCode.E_USAGE
    assert site.state.epoch == 1


def test_what_a_user_gets_is_accepted_by_the_users_client(
    site: Site, simulated_release: Release, tmp_path: Path
) -> None:
    home = ClientHome(tmp_path / "user")
    request = home.enroll().read_bytes()
    site.set_policy(simulated_release, allow_simulated=True)

    credentials = site.add_user(request, [Role.PHYSICIST], out=tmp_path / "welcome")

    home.accept(tmp_path / "welcome")
    assert home.user().user == credentials.user
    assert home.user().fingerprint == credentials.fingerprint
    assert sorted(path.name for path in (tmp_path / "welcome").iterdir()) == [
        "policy.json",
        "policy.json.sig",
        "site.pub",
        "user.pem",
    ]


def test_files_to_hand_over_are_never_written_over_others(
    site: Site, request_of: RequestOf, tmp_path: Path, reopen: Reopen
) -> None:
    (tmp_path / "site.pub").write_bytes(b"another site's")

    with pytest.raises(EncryptSecureRTError) as caught:
        site.add_user(request_of(), [Role.PHYSICIST], out=tmp_path)

    assert caught.value.code is ErrorCode.E_LOCAL_FILE
    assert (tmp_path / "site.pub").read_bytes() == b"another site's"
    assert reopen().state.epoch == 1


def test_a_full_disk_adds_no_user_and_leaves_no_file(
    site: Site,
    request_of: RequestOf,
    tmp_path: Path,
    reopen: Reopen,
    contents: Contents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = contents(tmp_path)
    monkeypatch.setattr(os, "fsync", _full_disk)

    with pytest.raises(EncryptSecureRTError) as caught:
        site.add_user(request_of(), [Role.PHYSICIST], out=tmp_path / "welcome")

    monkeypatch.undo()
    assert caught.value.code is ErrorCode.E_LOCAL_FILE
    assert contents(tmp_path) == before
    assert not (tmp_path / "welcome").exists()
    assert site.state.epoch == reopen().state.epoch == 1


def test_the_same_key_gets_no_second_id(site: Site, request_of: RequestOf) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    site.add_user(request_of(key), [Role.PHYSICIST])

    with pytest.raises(EncryptSecureRTError) as caught:
        site.add_user(request_of(key), [Role.RESEARCHER])

    assert caught.value.code is ErrorCode.E_USER_KEY


def test_a_revoked_user_is_listed_as_revoked_and_has_no_roles(
    site: Site, request_of: RequestOf, reopen: Reopen
) -> None:
    credentials = site.add_user(request_of(), [Role.PHYSICIST])

    epoch = site.revoke_user(credentials.user)

    state = reopen().state
    assert epoch == state.epoch == 3
    assert state.revoked_at(site.now) == (credentials.fingerprint,)
    assert state.roles_at(site.now).user_of(credentials.fingerprint) is None


def test_a_revoked_key_does_not_come_back(site: Site, request_of: RequestOf) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    site.revoke_user(site.add_user(request_of(key), [Role.PHYSICIST]).user)

    with pytest.raises(EncryptSecureRTError) as caught:
        site.add_user(request_of(key), [Role.PHYSICIST])

    assert caught.value.code is ErrorCode.E_USER_KEY


def test_revoking_again_changes_nothing(site: Site, request_of: RequestOf) -> None:
    user = site.add_user(request_of(), [Role.PHYSICIST]).user
    site.revoke_user(user)

    assert site.revoke_user(user) == 3


@pytest.mark.parametrize("who", ["unknown", "custodian"])
def test_an_unknown_user_and_the_custodian_cannot_be_revoked(site: Site, who: str) -> None:
    user = site.state.home_user if who == "custodian" else "0" * 32

    with pytest.raises(EncryptSecureRTError) as caught:
        site.revoke_user(user)

    expected = ErrorCode.E_USAGE if who == "custodian" else ErrorCode.E_NOT_FOUND
    assert caught.value.code is expected


def test_a_right_added_with_an_editor_is_refused(site: Site, reopen: Reopen) -> None:
    file = site.path / "site.json"
    changed = file.read_bytes().replace(b'"custodian"', b'"physicist"')
    assert changed != file.read_bytes()
    file.write_bytes(changed)

    with pytest.raises(EncryptSecureRTError) as caught:
        reopen()

    assert caught.value.code is ErrorCode.E_LOCAL_FILE


def test_every_changed_octet_of_the_state_is_refused(site: Site, keys: SiteKeys) -> None:
    octets = (site.path / "site.json").read_bytes()
    assert SiteState.decode(octets, keys.ledger_mac_key) == site.state

    for at in range(0, len(octets), 97):
        changed = octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
        with pytest.raises(EncryptSecureRTError) as caught:
            SiteState.decode(changed, keys.ledger_mac_key)
        assert caught.value.code is ErrorCode.E_LOCAL_FILE


def test_the_state_of_another_site_is_refused(site: Site) -> None:
    octets = (site.path / "site.json").read_bytes()

    with pytest.raises(EncryptSecureRTError):
        SiteState.decode(octets, SiteKeys.generate().ledger_mac_key)


def test_of_two_commands_at_once_the_later_one_is_refused(
    reopen: Reopen, request_of: RequestOf
) -> None:
    first, second = reopen(), reopen()
    first.add_user(request_of(), [Role.PHYSICIST])

    with pytest.raises(EncryptSecureRTError) as caught:
        second.add_user(request_of(), [Role.PHYSICIST])

    assert caught.value.code is ErrorCode.E_LOCAL_FILE
    assert "another command" in caught.value.what
    assert reopen().state == first.state


def test_a_bundle_of_another_command_is_not_overwritten(reopen: Reopen) -> None:
    first, second = reopen(), reopen()
    made = first.current_bundle()

    with pytest.raises(EncryptSecureRTError):
        second.current_bundle()

    assert reopen().current_bundle().core == made.core


def test_nothing_is_signed_with_a_clock_that_went_back(
    site: Site, request_of: RequestOf, pass_time: Callable[..., None]
) -> None:
    pass_time(seconds=-1)

    with pytest.raises(EncryptSecureRTError) as caught:
        site.add_user(request_of(), [Role.PHYSICIST])

    assert caught.value.code is ErrorCode.E_CLOCK


def test_site_keys_come_back_as_they_were(keys: SiteKeys) -> None:
    again = SiteKeys.decode(keys.encode())

    assert again.encode() == keys.encode()
    assert again.site_key_id == keys.site_key_id
