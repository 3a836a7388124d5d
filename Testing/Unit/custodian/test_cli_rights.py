"""`encryptsecurert-admin user, role, case, lease` as programs and people use them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.custodian.cli import main
from EncryptSecureRTLib.custodian.site import Site

RequestOf = Callable[..., bytes]
Run = Callable[..., tuple[int, list[dict[str, Any]]]]
_CASE = "PABCDEFGHIJKL2345"


@pytest.fixture
def user(run: Run, site_dir: Path, csr: Path, tmp_path: Path) -> str:
    """Add a radiologist with the real clock; return the id."""
    words = ("user", "add", site_dir, "--csr", csr, "--role", "radiologist", "--days", 20)
    _, lines = run(*words, "--out", tmp_path / "welcome")
    return str(lines[-1]["user"])


def _users(run: Run, site_dir: Path) -> dict[str, dict[str, Any]]:
    _, (result,) = run("user", "list", site_dir)
    return {entry["user"]: entry for entry in result["users"]}


def test_a_user_is_renewed_and_the_older_certificate_revoked(
    run: Run, site_dir: Path, user: str, csr: Path, tmp_path: Path
) -> None:
    (older,) = _users(run, site_dir)[user]["certificates"]

    words = ("user", "renew", site_dir, user, "--csr", csr, "--out", tmp_path / "again")
    code, (_, result) = run(*words, "--replace")

    assert (code, result["epoch"], result["user"]) == (0, 3, user)
    assert result["provision_again"] is True
    assert result["files"] == sorted(path.name for path in (tmp_path / "again").iterdir())
    found = _users(run, site_dir)[user]["certificates"]
    assert [(c["fingerprint"], c["state"]) for c in found] == [
        (older["fingerprint"], "revoked"),
        (result["fingerprint"], "usable"),
    ]


def test_the_custodian_renews_itself_without_a_request(run: Run, site: Site) -> None:
    before = site.home.user().fingerprint

    code, (result,) = run("user", "renew", site.path, site.state.home_user)

    assert (code, result["epoch"]) == (0, 2)
    assert site.home.user().fingerprint == result["fingerprint"] != before


def test_a_lost_certificate_is_revoked_by_the_start_of_its_fingerprint(
    run: Run, site_dir: Path, user: str
) -> None:
    (certificate,) = _users(run, site_dir)[user]["certificates"]

    code, (result,) = run(
        *("user", "revoke", site_dir, user), "--certificate", certificate["fingerprint"][:8]
    )

    assert (code, result["epoch"]) == (0, 3)
    entry = _users(run, site_dir)[user]
    assert entry["certificates"][0]["state"] == "revoked"
    assert entry["revoked_at"] is None


def test_roles_of_a_user_are_set(run: Run, site_dir: Path, user: str) -> None:
    code, (result,) = run(
        "user", "roles", site_dir, user, "--role", "physicist", "--role", "auditor"
    )

    assert (code, result["roles"], result["epoch"]) == (0, ["physicist", "auditor"], 3)
    assert _users(run, site_dir)[user]["roles"] == ["physicist", "auditor"]


@pytest.mark.parametrize(("days", "state"), [(14, "ends-soon"), (15, "usable")])
def test_the_list_says_what_ends_within_fourteen_days(
    run: Run, site_dir: Path, csr: Path, tmp_path: Path, days: int, state: str
) -> None:
    words = ("user", "add", site_dir, "--csr", csr, "--role", "physicist", "--days", days)
    _, lines = run(*words, "--out", tmp_path / "welcome")

    entry = _users(run, site_dir)[lines[-1]["user"]]

    assert entry["ends_soon"] is (state == "ends-soon")
    assert [certificate["state"] for certificate in entry["certificates"]] == [state]


def test_certificates_that_ended_are_told_and_need_nothing(
    run: Run, site: Site, request_of: RequestOf
) -> None:
    ended = site.add_user(request_of(), [Role.PHYSICIST], 1)  # on the tests' clock, in the past

    entry = _users(run, site.path)[ended.user]

    assert [certificate["state"] for certificate in entry["certificates"]] == ["ended"]
    assert entry["ends_soon"] is False


def test_people_see_one_line_a_certificate(
    site_dir: Path,
    passphrase_file: str,
    user: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["user", "list", str(site_dir), "--passphrase-file", passphrase_file])

    (line,) = (row for row in capsys.readouterr().out.splitlines() if user in row)
    assert "radiologist" in line
    assert "usable" in line


def test_roles_are_listed_and_set(run: Run, site_dir: Path) -> None:
    _, (before,) = run("role", "list", site_dir)
    code, (result,) = run(
        *("role", "set", site_dir, "researcher"), "--allow", "segment", "--allow", "audit"
    )
    _, (after,) = run("role", "list", site_dir)

    roles = {row["role"]: row["operations"] for row in before["roles"]}
    assert roles["radiologist"] == ["break-glass", "protect", "reveal", "segment"]
    assert (code, result["operations"], result["epoch"]) == (0, ["audit", "segment"], 2)
    roles["researcher"] = ["audit", "segment"]
    assert {row["role"]: row["operations"] for row in after["roles"]} == roles


def test_the_custodian_role_keeps_provision(run: Run, site_dir: Path) -> None:
    code, (error,) = run("role", "set", site_dir, "custodian", "--allow", "audit")

    assert (code, error["code"]) == (2, "E_USAGE")


def test_a_case_is_granted_listed_and_closed(run: Run, site_dir: Path, user: str) -> None:
    code, (granted,) = run("case", "grant", site_dir, _CASE, user, "--days", 30)
    _, (listed,) = run("case", "list", site_dir)
    _, (others,) = run("case", "list", site_dir, "--user", "0" * 32)
    _, (of_case,) = run("case", "list", site_dir, "--case", _CASE, "--user", user)
    closed, (result,) = run("case", "revoke", site_dir, _CASE, user)
    _, (after,) = run("case", "list", site_dir)

    row = {"case": _CASE, "user": user, "until": granted["until"]}
    assert (code, closed) == (0, 0)
    assert (granted["epoch"], result["epoch"]) == (3, 4)
    assert listed["cases"] == of_case["cases"] == [row]
    assert others["cases"] == after["cases"] == []


def test_a_last_day_is_counted_in(run: Run, site_dir: Path, user: str) -> None:
    code, (granted,) = run("case", "grant", site_dir, _CASE, user, "--until", "2031-12-31")

    assert (code, granted["until"]) == (0, "2032-01-01T00:00:00Z")


@pytest.mark.parametrize("until", ["2020-01-01", "2080-01-01", "9999-12-31"])
def test_a_last_day_is_in_the_next_ten_years(
    run: Run, site_dir: Path, user: str, until: str
) -> None:
    code, (error,) = run("case", "grant", site_dir, _CASE, user, "--until", until)

    assert (code, error["code"]) == (2, "E_USAGE")


def test_a_case_for_an_unknown_user_is_not_found(run: Run, site_dir: Path) -> None:
    code, (error,) = run("case", "grant", site_dir, _CASE, "0" * 32, "--days", 1)

    assert (code, error["code"]) == (9, "E_NOT_FOUND")


def test_leases_are_set_in_hours(run: Run, site_dir: Path) -> None:
    code, (result,) = run("lease", "set", site_dir, "--hours", 12)
    _, (bundle,) = run("bundle", site_dir, "--show")

    assert (code, result["lease_s"], result["epoch"]) == (0, 43_200, 2)
    assert bundle["lease_s"] == 43_200


def test_a_lease_for_a_worker_that_is_not_there_is_exit_3(
    run: Run, site_dir: Path, tmp_path: Path, release_json: Callable[..., bytes]
) -> None:
    (tmp_path / "release.json").write_bytes(release_json())
    run("policy", site_dir, "--release", tmp_path / "release.json", "--allow-simulated")

    code, lines = run("lease", "give", site_dir, "--url", "https://127.0.0.1:1")

    assert (code, lines[-1]["code"]) == (3, "E_UNREACHABLE")


@pytest.mark.parametrize(
    "words",
    [
        ("user", "renew", "SITE", "USER"),
        ("user", "renew", "SITE", "USER", "--csr", "x"),
        ("user", "renew", "SITE", "USER", "--out", "y"),
        ("user", "renew", "SITE", "USER", "--days", "3"),
        ("user", "roles", "SITE", "USER"),
        ("role", "set", "SITE", "physicist"),
        ("role", "set", "SITE", "physicist", "--allow", "everything"),
        ("case", "grant", "SITE", _CASE, "USER"),
        ("case", "grant", "SITE", _CASE, "USER", "--days", "3", "--until", "2040-01-01"),
        ("case", "grant", "SITE", _CASE, "USER", "--until", "tomorrow"),
        ("case", "grant", "SITE", "P1", "USER", "--days", "3"),
        ("case", "revoke", "SITE", "P1", "USER"),
        ("lease", "set", "SITE"),
        ("lease", "set", "SITE", "--hours", "0.5"),
        ("lease", "set", "SITE", "--hours", "745"),
        ("lease", "give", "SITE"),
    ],
)
def test_a_wrong_command_line_is_exit_2_and_changes_nothing(
    run: Run, site_dir: Path, words: tuple[str, ...]
) -> None:
    before = (site_dir / "site.json").read_bytes()
    given = {"SITE": str(site_dir), "USER": "0" * 32}

    code, lines = run(*(given.get(word, word) for word in words))

    assert code == 2
    assert [(line["kind"], line["code"]) for line in lines] == [("error", "E_USAGE")]
    assert (site_dir / "site.json").read_bytes() == before
    assert json.loads(before)["schema"] == "encryptsecurert.site/2"
