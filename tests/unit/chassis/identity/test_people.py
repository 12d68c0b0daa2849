"""The file of people is read strictly, and every problem in it is told."""

from __future__ import annotations

import pytest
from fourgates.chassis.identity import hash_secret
from fourgates.chassis.identity.people import BadPeopleFile, load_people, people_from

HASH = hash_secret("apple")
TOML = f"""
[roles]
packer = ["parcel:read", "parcel:write"]

[[people]]
id = "018f-anna"
username = "anna"
name = "Anna"
secret_hash = "{HASH}"
roles = ["packer"]
groups = ["board"]
aliases = ["old-anna"]

[[machines]]
id = "robot"
secret_hash = "{HASH}"
scopes = ["parcel:read"]
"""


def person(**changed) -> dict:
    return {"id": "a", "username": "anna", "name": "Anna", "secret_hash": HASH, "roles": ["packer"], **changed}


def file(*people, machines=(), roles=None) -> dict:
    return {"roles": roles or {"packer": ["parcel:read"]}, "people": list(people), "machines": list(machines)}


def test_toml_and_json_say_the_same(tmp_path):
    (tmp_path / "people.toml").write_text(TOML)
    people = load_people(tmp_path / "people.toml")
    (tmp_path / "people.json").write_text(people.model_dump_json())
    assert load_people(tmp_path / "people.json") == people
    assert people.people[0].aliases == ("old-anna",)
    assert people.scopes_of(people.people[0]) == {"parcel:read", "parcel:write"}
    assert people.scopes_of(people.machines[0]) == {"parcel:read"}


def test_every_problem_is_told():
    bad = file(person(id="", colour="red"), person(secret_hash="apple"), person(roles="packer"))
    with pytest.raises(BadPeopleFile) as found:
        people_from(bad)
    told = "; ".join(found.value.problems)
    for place in ("people.0.id", "people.0.colour", "people.1.secret_hash", "people.2.roles"):
        assert place in told
    assert "apple" not in told


def test_every_contradiction_is_told():
    bad = file(
        person(aliases=["b"]),
        person(id="b", username="bert", roles=["pilot"]),
        person(id="c"),
        machines=[{"id": "a", "secret_hash": HASH}],
    )
    with pytest.raises(BadPeopleFile) as found:
        people_from(bad)
    assert len(found.value.problems) == 4
    told = "; ".join(found.value.problems)
    assert "pilot" in told
    assert "username" in told


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "null", "[]", '"x"'])
def test_what_is_no_file_of_people_is_refused(tmp_path, content):
    path = tmp_path / "people.json"
    path.write_text(content)
    with pytest.raises(BadPeopleFile):
        load_people(path)


def test_a_missing_file_and_one_in_another_encoding_are_refused(tmp_path):
    with pytest.raises(BadPeopleFile):
        load_people(tmp_path / "nothing.toml")
    (tmp_path / "people.toml").write_bytes(b"\xff")
    with pytest.raises(BadPeopleFile):
        load_people(tmp_path / "people.toml")


@pytest.mark.parametrize(
    "kept",
    ["", "x", "scrypt$16384$8$1$AAAA$AAAA", HASH.replace("16384", "99999999"), HASH.replace("scrypt", "md5")],
    # Hashes are salted anew in each process, so they are no names for tests.
    ids=["empty", "no-hash", "too-short", "too-costly", "another-kind"],
)
def test_only_sound_hashes_are_taken(kept):
    with pytest.raises(BadPeopleFile):
        people_from(file(person(secret_hash=kept)))
