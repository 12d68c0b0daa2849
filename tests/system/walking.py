"""Walking through a set, and what its logs then say of every aggregate."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from fourgates.chassis.store import open_sqlite_recorder
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates_cli import places
from fourgates_cli.client import Recorder, no_record
from fourgates_cli.people import Secrets
from fourgates_cli.walkthrough.run import Setting, walk_through
from fourgates_cli.walkthrough.world import World
from fourgates_cli.workbench import fetch_wheelhouse

from tests.system.histories import Histories, histories
from tests.system.processes import SERVICES, RealParts
from tests.system.resilience import Failures, Plan, Report
from tests.system.rest import IntoDatabase, Look, RestingNarrator, come_to_rest

# While something is away, what is asked for and what is waited for may take so much longer.
PATIENCE_S = 120.0
REST_S = 240.0
# Of about 890 aggregates, so many may have heard two services in another order than in the other run.
RETOLD_MAX = 30


def walk(
    url: str,
    secrets: Secrets,
    bench: Path,
    look: Look,
    *,
    tell: list[str] | None = None,
    record: Recorder = no_record,
    patience_s: float = 0.0,
) -> World:
    """Walk through a set, each step from rest."""
    setting = Setting(
        url=url,
        secrets=secrets,
        bench=bench,
        wheels=fetch_wheelhouse(places.EXAMPLES / "wheelhouse.lock", places.WHEELHOUSE),
        example=places.EXAMPLES / "parcel-tracking",
        record=record,
        patience_s=patience_s,
    )
    told = [] if tell is None else tell
    return walk_through(setting, RestingNarrator(told.append, look, timeout_s=REST_S))


def walk_on_real_parts(parts: RealParts, *, patience_s: float = 0.0) -> Histories:
    """Walk through a set on real parts, and return the histories of all aggregates at its end."""
    with closing(IntoDatabase(parts.owner_url)) as look:
        walk(parts.url, parts.secrets, parts.folder / "workbench", look, patience_s=patience_s)
        come_to_rest(look, timeout_s=REST_S)
    return told_by_database(parts)


def walk_through_failures(folder: Path, plan: Plan, installed: Path) -> tuple[Histories, Report]:
    """Walk through a set on real parts of which two processes serve each service, while things fail."""
    with (
        Failures(plan) as failures,
        RealParts(folder, replicas=2, reached_by=failures.reached_by, own_servers=True, installed=installed) as parts,
    ):
        failures.strike(parts)
        try:
            told = walk_on_real_parts(parts, patience_s=PATIENCE_S)
        finally:
            failures.end()
    return told, failures.report


def told_by_files(data: Path) -> Histories:
    """Return the histories of all aggregates of an embedded set."""
    recorders = {name: open_sqlite_recorder(data / name / "events.sqlite") for name in SERVICES}
    try:
        return histories(recorders, _names(data))
    finally:
        for recorder in recorders.values():
            recorder.close()


def told_by_database(parts: RealParts) -> Histories:
    """Return the histories of all aggregates of a set on real parts."""
    recorders = {name: open_postgres_recorder(parts.owner_url, schema=name) for name in SERVICES}
    try:
        return histories(recorders, _names(parts.folder))
    finally:
        for recorder in recorders.values():
            recorder.close()


def _names(folder: Path) -> dict[str, str]:
    secrets = Secrets.read(folder / "people-secrets.json")
    return {secrets.person_id(name): name for name in secrets.people}
