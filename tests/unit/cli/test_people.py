"""A fresh data folder gets people with random secrets, once, readable by their owner alone."""

from __future__ import annotations

from pathlib import Path

from fourgates.chassis.identity import verify_secret
from fourgates.chassis.identity.people import load_people
from fourgates_cli.people import PEOPLE, ensure_people, names_in, people_file, secrets_file


def test_people_are_made_once_and_can_log_in(tmp_path: Path) -> None:
    made = ensure_people(tmp_path)
    again = ensure_people(tmp_path)
    assert made == again
    people = {person.username: person for person in load_people(people_file(tmp_path)).people}
    assert set(people) == set(PEOPLE)
    assert verify_secret(made.of("rita"), people["rita"].secret_hash)
    assert not verify_secret(made.of("rita"), people["oskar"].secret_hash)
    assert people["rita"].id == made.person_id("rita")
    assert names_in(people_file(tmp_path))[made.person_id("rita")] == "Rita"
    for file in (people_file(tmp_path), secrets_file(tmp_path)):
        assert file.stat().st_mode & 0o077 == 0


def test_only_the_auditor_reads_the_security_log(tmp_path: Path) -> None:
    ensure_people(tmp_path)
    people = load_people(people_file(tmp_path))
    assert [p.username for p in people.people if "audit:read" in people.scopes_of(p)] == ["ada"]
