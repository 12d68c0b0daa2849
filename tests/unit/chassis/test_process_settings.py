"""What a process is told wrongly, or not at all, stops its start: each problem is named, no value is repeated."""

from __future__ import annotations

import json
import os

import pytest
from fourgates.chassis.identity.process import main as run_issuer
from fourgates.chassis.identity.process import read_issuer_settings
from fourgates.chassis.process import BadSettings, read_settings
from fourgates.chassis.process.__main__ import main as run_service
from fourgates.chassis.process.prepare import main as prepare
from fourgates.chassis.process.prepare import read_prepared

SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
# Stands in every wrong value: whatever is told about it, it must not be repeated.
SECRET = "hunter2"
GOOD = {
    "FOURGATES_DATABASE_URL": f"postgresql://user:{SECRET}@postgres:5432/fourgates",
    "FOURGATES_KAFKA_BOOTSTRAP": "kafka-0:9092,kafka-1:9092",
    "FOURGATES_KAFKA_OPTIONS": json.dumps({"security_protocol": "SASL_SSL", "sasl_plain_password": SECRET}),
    "FOURGATES_SOURCES_URL": "http://{service}:8080",
    "FOURGATES_CLIENT_SECRET": SECRET,
    "FOURGATES_ISSUER_URL": "https://login.example",
    "FOURGATES_PUBLIC_URL": "https://fourgates.example/x",
    "FOURGATES_DEPLOY_DML_URL": "https://fourgates.example/dml",
}
NEEDED = sorted(set(GOOD) - {"FOURGATES_KAFKA_OPTIONS", "FOURGATES_DEPLOY_DML_URL"})
WRONG = [
    ("PORT", SECRET, "whole number"),
    ("PORT", "65536", "at most 65535"),
    ("PORT", "-1", "at least 0"),
    ("HOST", SECRET * 40, "at most 255"),
    ("STORE", SECRET, "one of postgres, sqlite"),
    ("BUS", SECRET, "one of kafka, in_process"),
    ("VIEWS", SECRET, "one of file, memory"),
    ("DATABASE_URL", f"mysql://u:{SECRET}@h/d", "postgresql://"),
    ("DATABASE_URL", f"postgresql://u:{SECRET}@[h/d", "postgresql://"),
    ("DATABASE_OWNER_URL", f"{SECRET}", "postgresql://"),
    ("DATABASE_SCHEMA", f'{SECRET}"; --', "text, like ^[a-z_]"),
    ("KAFKA_BOOTSTRAP", SECRET, "kafka-0:9092"),
    ("KAFKA_BOOTSTRAP", f"http://{SECRET}:9092", "kafka-0:9092"),
    ("KAFKA_BOOTSTRAP", f"{SECRET}:65536", "65535"),
    ("KAFKA_BOOTSTRAP", f"{SECRET}:9092,", "kafka-0:9092"),
    ("KAFKA_OPTIONS", f"{{{SECRET}", "JSON object"),
    ("KAFKA_OPTIONS", f'["{SECRET}"]', "JSON object"),
    ("KAFKA_OPTIONS", f'{{"sasl_pasword": "{SECRET}"}}', "no such option: sasl_pasword"),
    ("KAFKA_OPTIONS", f'{{"acks": "{SECRET}"}}', "no such option: acks"),
    ("KAFKA_OPTIONS", f'{{"ssl_password": ["{SECRET}"]}}', "every value must be a text"),
    ("KAFKA_PARTITIONS", "0", "at least 1, at most 64"),
    ("KAFKA_REPLICATION", "0", "at least 1"),
    ("KAFKA_MAKE_TOPICS", SECRET, "true or false"),
    ("SOURCES_URL", f"http://{SECRET}:8080", "{service}"),
    ("TOKEN_URL", f"ftp://{SECRET}", "http://issuer:8080/token"),
    ("OWN_FOLDER", f"{__file__}/x", "is no folder in which this process may write"),
    ("DATA_FOLDER", f"{__file__}/x", "is no folder in which this process may write"),
    ("STOP_S", "0", "at least 1"),
    ("RETRY_S", "nan", "more than 0"),
    ("LOG_LEVEL", SECRET, "one of debug, info, warning, error"),
    ("ISSUER_URL", f"htp:/{SECRET}", "https://login.example"),
    ("ISSUER_URL", f"http://[{SECRET}", "must be a URL with a host"),
    ("JWKS_URL", f"http://{SECRET}:99999/k", "a port below 65536"),
    ("PUBLIC_URL", f"https://{SECRET}?x=1", "https://fourgates.example"),
    ("PAGE_SIZE_MAX", "1e3", "whole number, at least 1, at most 1000"),
    ("HTTP_TIMEOUT_S", "0", "number, more than 0, at most 300"),
]
OWN = [
    ("change", "EXPIRIES_PER_TICK_MAX", "many"),
    ("release", "DEBT_DUE_HOURS", "never"),
    ("dml", "BLOB_BYTES_MAX", "1"),
    ("deploy", "DML_URL", f"dml.{SECRET}"),
    ("review", "SAMPLES", "201"),
    ("operations", "BOARD_MAX", "0"),
]
PEOPLE = {"roles": {"auditor": ["audit:read"]}, "people": []}
BROKEN_PEOPLE = {
    "no file": None,
    "no JSON": f"{{{SECRET}",
    "no object": f'["{SECRET}"]',
    "no hash": json.dumps(PEOPLE | {"people": [{"id": "p1", "username": "ann", "name": "Ann", "secret_hash": SECRET}]}),
    "unknown field": json.dumps({**PEOPLE, "poeple": [SECRET]}),
}


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """No setting is told, and files are made in a folder of this test."""
    for variable in os.environ:
        if variable.upper().startswith("FOURGATES_"):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def told(environment):
    """Everything that a service must be told."""
    for variable, value in GOOD.items():
        environment.setenv(variable, value)
    return environment


def problems(read, *arguments):
    with pytest.raises(BadSettings) as bad:
        read(*arguments)
    assert SECRET not in str(bad.value)
    return bad.value.problems


def is_complete(problem, variable):
    """A problem names the variable, the shape that is expected, and an example."""
    return problem.startswith(f"{variable}: ") and "Expected: " in problem and "Example: " in problem


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_is_told_what_it_needs_can_start(told, name):
    named = read_settings(name)
    assert (named.name, named.schema, named.process.port) == (name, name, 8080)
    assert run_service([name, "--check"]) == 0
    assert not list(named.data.parent.glob("*"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_is_told_nothing_names_everything_that_it_needs(name, capsys):
    found = problems(read_settings, name)
    wanted = [v for v in NEEDED if v != "FOURGATES_CLIENT_SECRET" or name != "deploy"]
    for variable in wanted:
        assert sum(is_complete(one, variable) for one in found) == 1, variable
    assert run_service([name]) == 2
    assert capsys.readouterr().err.splitlines() == list(found)


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("variable", NEEDED)
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_each_that_is_needed_is_missed(told, name, variable, how):
    told.delenv(variable) if how == "missing" else told.setenv(variable, "")
    found = problems(read_settings, name)
    assert found
    assert all(one.split(":")[0].endswith(variable.removeprefix("FOURGATES_")) for one in found)
    assert any(is_complete(one, one.split(":")[0]) for one in found)


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(("setting", "value", "words"), WRONG)
def test_what_is_told_wrongly_is_named(told, name, setting, value, words):
    told.setenv(f"FOURGATES_{setting}", value)
    (found,) = problems(read_settings, name)
    assert is_complete(found, f"FOURGATES_{setting}")
    assert words in found


@pytest.mark.parametrize(("setting", "value", "words"), WRONG)
def test_it_is_named_by_the_variable_that_told_it(told, setting, value, words):
    told.setenv(f"FOURGATES_RELEASE_{setting}", value)
    (found,) = problems(read_settings, "release")
    assert is_complete(found, f"FOURGATES_RELEASE_{setting}")
    assert words in found


@pytest.mark.parametrize(("name", "setting", "value"), OWN)
def test_so_are_the_settings_that_one_service_alone_has(told, name, setting, value):
    told.setenv(f"FOURGATES_{name.upper()}_{setting}", value)
    (found,) = problems(read_settings, name)
    assert is_complete(found, f"FOURGATES_{name.upper()}_{setting}")


@pytest.mark.parametrize("name", SERVICES)
def test_all_problems_are_named_at_once(environment, name):
    wrong = {f"FOURGATES_{setting}": value for setting, value, _ in WRONG}
    for variable, value in wrong.items():
        environment.setenv(variable, value)
    environment.setenv(f"FOURGATES_{name.upper()}_WHEELS", SECRET)
    named = [one.split(":")[0] for one in problems(read_settings, name)]
    assert {*wrong, f"FOURGATES_{name.upper()}_WHEELS"} <= set(named)
    assert len(named) == len(set(named))
    assert run_service([name]) == 2


@pytest.mark.parametrize("name", SERVICES)
def test_a_variable_of_the_service_that_nothing_reads_is_a_slip_of_the_pen(told, name):
    told.setenv(f"FOURGATES_{name.upper()}_DATABSE_URL", SECRET)
    (found,) = problems(read_settings, name)
    assert found.startswith(f"FOURGATES_{name.upper()}_DATABSE_URL: no setting has this name. Example: ")


def test_a_variable_of_another_service_is_none_of_its_business(told):
    told.setenv("FOURGATES_REVIEW_WHEELS", "4")
    assert read_settings("release").name == "release"


def test_without_kafka_and_postgresql_less_is_needed(environment):
    for variable, value in {**GOOD, "FOURGATES_STORE": "sqlite", "FOURGATES_BUS": "in_process"}.items():
        environment.setenv(variable, value)
    for variable in ("DATABASE_URL", "KAFKA_BOOTSTRAP", "SOURCES_URL", "CLIENT_SECRET"):
        environment.delenv(f"FOURGATES_{variable}")
    assert read_settings("release").process.store == "sqlite"
    environment.setenv("FOURGATES_PORT", "many")
    (found,) = problems(read_settings, "release")
    assert is_complete(found, "FOURGATES_PORT")


@pytest.mark.parametrize("name", ["nosuch", "Release", "release-service", "../release", "", "os.path", "x" * 1000])
def test_a_service_that_is_not_installed_is_none(told, name):
    (found,) = problems(read_settings, name)
    assert "no service of this name is installed here" in found
    assert run_service([name]) == 2


@pytest.mark.parametrize("arguments", [[], ["--check"], ["release", "review"]])
def test_without_one_service_its_use_is_told(arguments, capsys):
    assert run_service(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: ")


@pytest.mark.parametrize("content", BROKEN_PEOPLE.values(), ids=BROKEN_PEOPLE)
@pytest.mark.parametrize("who", ["change", "issuer"])
def test_a_broken_people_file_is_found_before_anything_starts(told, tmp_path, who, content):
    path = tmp_path / "people.json"
    if content is not None:
        path.write_text(content)
    variable = f"FOURGATES_{who.upper()}_PEOPLE_FILE"
    told.setenv(variable, str(path))
    (found,) = problems(read_issuer_settings) if who == "issuer" else problems(read_settings, who)
    assert is_complete(found, variable)
    assert "is no file of people" in found


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("URL", f"login.{SECRET}"),
        ("PORT", SECRET),
        ("PORT", "65536"),
        ("TOKEN_LIFETIME_S", "0"),
        ("LOG_LEVEL", SECRET),
        ("AUDIENCE", SECRET * 40),
        ("KEY_FILE", f"{__file__}/key"),
    ],
)
def test_the_issuer_names_what_it_was_told_wrongly(told, tmp_path, setting, value):
    (tmp_path / "people.json").write_text(json.dumps(PEOPLE))
    told.setenv("FOURGATES_ISSUER_PEOPLE_FILE", str(tmp_path / "people.json"))
    assert read_issuer_settings().port == 8080
    told.setenv(f"FOURGATES_ISSUER_{setting}", value)
    (found,) = problems(read_issuer_settings)
    assert is_complete(found, f"FOURGATES_ISSUER_{setting}")


def test_the_issuer_names_everything_that_it_needs_and_every_slip_of_the_pen(environment, capsys):
    environment.setenv("FOURGATES_ISSUER_PEOPEL_FILE", SECRET)
    found = problems(read_issuer_settings)
    assert [one.split(":")[0].removeprefix("FOURGATES_ISSUER_") for one in found] == [
        "PEOPEL_FILE",
        "URL",
        "PEOPLE_FILE",
    ]
    assert run_issuer() == 2
    assert capsys.readouterr().err.splitlines() == list(found)


def test_a_signing_key_that_is_none_is_named_and_not_shown(told, tmp_path, capsys):
    for name, content in (("people.json", json.dumps(PEOPLE)), ("key.json", f'{{"kty": "{SECRET}"}}')):
        (tmp_path / name).write_text(content)
    told.setenv("FOURGATES_ISSUER_PEOPLE_FILE", str(tmp_path / "people.json"))
    told.setenv("FOURGATES_ISSUER_KEY_FILE", str(tmp_path / "key.json"))
    assert run_issuer() == 2
    said = capsys.readouterr().err
    assert is_complete(said, "FOURGATES_ISSUER_KEY_FILE")
    assert SECRET not in said


def test_preparing_names_what_it_needs_for_each_service(environment, capsys):
    environment.setenv("FOURGATES_RELEASE_DATABASE_URL", f"mysql://{SECRET}")
    found = problems(read_prepared, ["release", "change", "Strange Name"])
    named = [one.split(":")[0] for one in found]
    assert named == [
        "'Strange Name'",
        "FOURGATES_RELEASE_DATABASE_URL",
        "FOURGATES_DATABASE_OWNER_URL",
        "FOURGATES_DATABASE_URL",
        "FOURGATES_KAFKA_BOOTSTRAP",
    ]
    assert all(is_complete(one, one.split(":")[0]) for one in found[1:])
    assert prepare(["release"]) == 2
    assert prepare([]) == 2
    assert SECRET not in capsys.readouterr().err
