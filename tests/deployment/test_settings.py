"""Every process starts on exactly what Compose and Kubernetes tell it, and a slip of the pen in either is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deployment import reading
from tests.deployment.settings_told import disagreements, problems_of

ALL = {*reading.SERVICES, "issuer", "prepare"}


@pytest.fixture
def by_compose(compose: reading.Resource, image: reading.Image) -> list[reading.Told]:
    return list(reading.told_by_compose(compose, image))


@pytest.fixture
def by_kubernetes(development: list[reading.Resource], image: reading.Image) -> list[reading.Told]:
    return list(reading.told_by_kubernetes(development, image))


@pytest.fixture
def people(installation: Path) -> Path:
    return installation / ".fourgates/installation/people.json"


def test_compose_tells_every_process_what_it_needs(by_compose, people):
    assert {told.name for told in by_compose} == ALL
    assert [problem for told in by_compose for problem in problems_of(told, people)] == []
    assert disagreements(by_compose, people) == []


def test_kubernetes_tells_every_process_what_it_needs(by_kubernetes, people):
    assert {told.name for told in by_kubernetes} == ALL
    assert [problem for told in by_kubernetes for problem in problems_of(told, people)] == []
    assert disagreements(by_kubernetes, people) == []


def the_one(all_told, name):
    return next(told for told in all_told if told.name == name)


SLIPS = {
    "a name that nothing reads": ("release", {"FOURGATES_RELEASE_DEBT_DUE_HOUR": "5"}, "is no setting"),
    "a common name that nothing reads": ("dml", {"FOURGATES_LOGLEVEL": "info"}, "is no setting"),
    "a name of another service that it does not read": ("dml", {"FOURGATES_CHANGE_SAMPLES": "5"}, "is no setting"),
    "a value out of its limits": ("review", {"FOURGATES_REVIEW_SAMPLES": "5000"}, "FOURGATES_REVIEW_SAMPLES"),
    "a needed value that is empty": ("deploy", {"FOURGATES_DEPLOY_DML_URL": ""}, "FOURGATES_DEPLOY_DML_URL"),
    "no database": ("change", {"FOURGATES_DATABASE_URL": ""}, "FOURGATES_DATABASE_URL"),
    "a bad address": ("operations", {"FOURGATES_KAFKA_BOOTSTRAP": "kafka"}, "FOURGATES_KAFKA_BOOTSTRAP"),
    "people that are not mounted": ("issuer", {"FOURGATES_ISSUER_PEOPLE_FILE": "/nowhere/p.json"}, "is not mounted"),
    "a folder that is read-only": ("dml", {"FOURGATES_DATA_FOLDER": "/srv"}, "cannot be written to"),
    "an issuer that is told nothing": ("issuer", {"FOURGATES_ISSUER_URL": "here"}, "FOURGATES_ISSUER_URL"),
    "a database that is not prepared": ("prepare", {"FOURGATES_DML_DATABASE_URL": ""}, "Needed to prepare"),
}


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("told_by", ["by_compose", "by_kubernetes"])
def test_a_slip_is_seen(slip, told_by, request, people):
    name, wrong, expected = SLIPS[slip]
    told = the_one(request.getfixturevalue(told_by), name)
    told.given |= wrong
    problems = problems_of(told, people)
    assert any(expected in problem for problem in problems), problems


def test_a_page_token_key_that_replicas_do_not_share_is_seen(by_kubernetes, people):
    told = the_one(by_kubernetes, "release")
    told.mounted = [folder for folder in told.mounted if "page-token" not in folder]
    assert any("makes a" in problem for problem in problems_of(told, people))


@pytest.mark.parametrize("name", ["dml", "deploy"])
@pytest.mark.parametrize("told_by", ["by_compose", "by_kubernetes"])
def test_files_that_would_be_gone_with_the_container_are_seen(name, told_by, request, people):
    told = the_one(request.getfixturevalue(told_by), name)
    told.kept = []
    assert any("is gone with the container" in problem for problem in problems_of(told, people))


def test_a_service_that_nobody_prepares_is_seen(by_compose, people):
    told = the_one(by_compose, "prepare")
    told.arguments = told.arguments[1:]
    assert any("change is not prepared" in problem for problem in problems_of(told, people))


DISAGREEMENTS = {
    "another issuer": ("review", "FOURGATES_ISSUER_URL", "issuer_url"),
    "another Kafka": ("prepare", "FOURGATES_KAFKA_BOOTSTRAP", "prepare has another Kafka"),
    "an issuer elsewhere": ("issuer", "FOURGATES_ISSUER_URL", "the issuer has another URL"),
    "another password": ("dml", "FOURGATES_DATABASE_URL", "dml has another database"),
    "another secret": ("deploy", "FOURGATES_CLIENT_SECRET", "the secret of deploy"),
}


@pytest.mark.parametrize("disagreement", DISAGREEMENTS)
def test_a_disagreement_is_seen(disagreement, by_compose, people):
    name, variable, expected = DISAGREEMENTS[disagreement]
    the_one(by_compose, name).given[variable] += "x"
    assert any(expected in found for found in disagreements(by_compose, people))
