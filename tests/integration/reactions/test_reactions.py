"""Every reaction: done, ignored when repeated, wins after a lost race, refused, facts in the other order.

The table says what each must show; `tests/tidy` holds it against the `reactions.py` of the services.
"""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest
from fourgates.chassis.testing.hearing import Case, Hearing
from fourgates.chassis.testing.world import a_security_log, a_verifier
from fourgates.contracts import contract_types
from pydantic import BaseModel

SERVICES = ("change", "release", "dml", "deploy", "review", "operations")


def table() -> dict[str, Case]:
    """Return the cases of all services, each under `<service>.<reaction>`."""
    cases: dict[str, Case] = {}
    for service in SERVICES:
        module = importlib.import_module(f"tests.integration.reactions.{service}_cases")
        cases |= {f"{service}.{name}": case for name, case in module.CASES.items()}
    return cases


REACTION_CASES = table()


def hearing(name: str) -> Hearing:
    service = name.partition(".")[0]
    build = importlib.import_module(f"{service}_service.app").build
    return Hearing(build, a_verifier(), a_security_log())


def happens(here: Hearing, case: Case):
    """Do what the case is about and return the message, if it was one that was heard."""
    if case.tick_after is not None:
        here.tick(after=case.tick_after)
        return None
    fact = case.when(here)
    return here.hear(fact) if isinstance(fact, BaseModel) else None


every_case = pytest.mark.parametrize("name", sorted(REACTION_CASES))


@every_case
def test_done(name):
    case, here = REACTION_CASES[name], hearing(name)
    case.given(here)
    with here.watched() as happened:
        happens(here, case)
    assert tuple(happened) == case.then
    assert here.parked() == []


@every_case
def test_ignored_when_repeated(name):
    case, here = REACTION_CASES[name], hearing(name)
    case.given(here)
    message = happens(here, case)
    with here.watched() as happened:
        if message is not None:
            here.deliver(message)
            here.deliver(replace(here.message(_fact_of(message)), body=message.body))
        else:
            here.tick()
    assert happened == []
    assert here.parked() == []


@every_case
def test_wins_after_a_lost_race(name):
    case, here = REACTION_CASES[name], hearing(name)
    case.given(here)
    with here.watched() as happened:
        here.races_next()
        happens(here, case)
        if case.tick_after is not None:
            here.tick()
    assert tuple(happened) == case.then
    assert here.parked() == []


@every_case
def test_refused_without_being_parked(name):
    case, here = REACTION_CASES[name], hearing(name)
    case.refused_given(here)
    with here.watched() as happened:
        happens(here, case)
    assert tuple(happened) == case.refused_then
    assert here.parked() == []


@pytest.mark.parametrize("name", sorted(n for n, c in REACTION_CASES.items() if c.other_order is not None))
def test_facts_in_the_other_order_come_to_the_same(name):
    case, usual, other = REACTION_CASES[name], hearing(name), hearing(name)
    for here, late in ((usual, False), (other, True)):
        case.given(here)
        late_facts = list(case.other_order(here))
        fact = case.when(here)
        for one in [fact, *late_facts] if late else [*late_facts, fact]:
            here.hear(one)
    assert sorted(usual.topics()) == sorted(other.topics())
    assert other.parked() == []


def _fact_of(message):
    return contract_types()[message.headers["ce_type"]].model_validate_json(message.body)
