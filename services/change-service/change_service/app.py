"""Builds change-service from its parts, and begins its installation."""

from __future__ import annotations

from pathlib import Path

from fourgates.chassis.aggregate import Act
from fourgates.chassis.identity.people import load_people
from fourgates.chassis.service import Parts, Service, assemble

from change_service.api import routes
from change_service.application import ChangeUseCases, PersonEntry
from change_service.domain import shipped_rules
from change_service.publishing import PUBLISHED
from change_service.reactions import CLOCK, HEARD, OWN
from change_service.settings import ChangeSettings
from change_service.views import VIEWS


def build(parts: Parts, settings: ChangeSettings | None = None) -> Service:
    """Build the service, and make the people of the people file known; nothing runs yet."""
    chosen = settings or ChangeSettings()
    service = assemble(
        name="change",
        parts=parts,
        settings=chosen,
        title="Fourgates: change management",
        description="Changes, the authorizations of every gate, who decides by which policy, and the change schedule.",
        use_cases=lambda work: ChangeUseCases(work, chosen),
        routes=routes,
        views=VIEWS,
        published=PUBLISHED,
        heard=HEARD,
        own=OWN,
        clock=CLOCK,
    )
    people = people_of(chosen.people_file) if chosen.people_file else ()
    act = Act(
        by="installation",
        at=parts.clock.now(),
        why="the service started",
        cause_id="installation",
        correlation_id="installation",
    )
    service.carry_out(lambda use_cases: use_cases.install(act, people=people, rules=shipped_rules()))
    return service


def people_of(path: Path) -> tuple[PersonEntry, ...]:
    """Return everybody in a people file. Raises `BadPeopleFile`."""
    file = load_people(path)
    people = (PersonEntry(p.id, p.roles, p.aliases, p.groups) for p in file.people)
    return (*people, *(PersonEntry(m.id, m.roles, machine=True) for m in file.machines))
