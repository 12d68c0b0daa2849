"""What the command line tells the shell."""

from __future__ import annotations

from pathlib import Path

import pytest
from fourgates.chassis.identity import verify_secret
from fourgates_cli.exits import Exit
from fourgates_cli.main import app
from fourgates_cli.people import ensure_people, people_file
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("FOURGATES_TOKEN", raising=False)


def test_who_is_not_logged_in_is_told_how() -> None:
    ran = CliRunner().invoke(app, ["next", "REL-1001"])
    assert ran.exit_code == Exit.NOT_AUTHENTICATED
    assert "fourgates login" in ran.output


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == Exit.USAGE


def test_a_file_without_secrets_is_told_in_one_line(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["walkthrough", "--secrets", str(tmp_path / "none.json")])
    assert ran.exit_code == Exit.FAILED
    assert "holds no secrets of people" in ran.output.replace("\n", " ")


def test_a_hash_fits_its_secret() -> None:
    ran = CliRunner().invoke(app, ["people", "hash", "--secret-stdin"], input="a secret\n")
    assert verify_secret("a secret", ran.stdout.strip())


def test_the_people_of_a_file_are_listed_without_their_secrets(tmp_path: Path) -> None:
    secrets = ensure_people(tmp_path)
    ran = CliRunner().invoke(app, ["people", "list", str(people_file(tmp_path))])
    assert ran.exit_code == Exit.DONE
    assert "change_manager, ecab_member" in ran.stdout
    assert secrets.of("nora") not in ran.stdout


def test_a_bad_people_file_is_told_with_every_problem(tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    file.write_text('{"roles": {}, "people": [{"id": "p-1", "username": "UPPER", "name": "", "secret_hash": "x"}]}')
    ran = CliRunner().invoke(app, ["people", "list", str(file)])
    assert ran.exit_code == Exit.FAILED
    assert all(f"people.0.{field}" in ran.stdout for field in ("username", "name", "secret_hash"))
