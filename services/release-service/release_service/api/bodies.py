"""What is asked of a release: the shapes of request bodies, each with an example."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fourgates.chassis.http import Digest, Document, Identifier, Name, Strict, Text
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field
from pydantic_core import PydanticCustomError

from release_service.domain import (
    Action,
    BackOutPlan,
    DeploymentPlan,
    Gate,
    Item,
    OnWindowEnd,
    Plan,
    PlannedEnvironment,
    PlannedRisk,
    ReleaseKind,
    ReleaseState,
    Risk,
    Schedule,
    Step,
    Suite,
    TestPlan,
    WayBack,
)

DAY_S = 86_400
ID = "0192d3a0-0000-7000-8000-000000000001"
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def example(**fields: Any) -> ConfigDict:
    """Return the settings of a body with its example."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


def _near(at: datetime) -> datetime:
    if not 2000 <= at.year <= 2200:  # noqa: PLR2004 - far from where times overflow, near to where releases happen
        raise PydanticCustomError("far_time", "Must be a time between the years 2000 and 2200")
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_near)]
Unfinished = Text | Literal[""]
"""Prose that may still be missing; the gate names what is."""


class Reasoned(Strict):
    """A command that needs nothing but its reason."""

    model_config = example(reason="it is time")

    reason: Text


class OpenRelease(Strict):
    """A release of a service, with the changes that it carries."""

    model_config = example(
        service_id=ID, kind="update", version="1.1.0", change_ids=[ID], emergency=False, reason="parcels by city"
    )

    service_id: UUID
    kind: ReleaseKind
    version: Name
    change_ids: list[UUID] = Field(default=[], max_length=100)
    emergency: bool = False
    reason: Text


class CarryChanges(Strict):
    """All changes that a release carries; they replace the earlier ones."""

    model_config = example(change_ids=[ID], reason="the other change was rejected")

    change_ids: list[UUID] = Field(max_length=100)
    reason: Text


class StepBody(Strict):
    """One executable step."""

    model_config = example(name="see that it is healthy", action="probe", path="/healthz")

    name: Name
    action: Action
    path: Name | Literal[""] = ""
    expect_status: int = Field(default=200, ge=100, le=599)
    timeout_s: int = Field(default=30, ge=1, le=3600)

    def step(self) -> Step:
        """Return it in the words of the domain."""
        return Step(self.name, self.action, self.path, self.expect_status, self.timeout_s)


Steps = Annotated[list[StepBody], Field(max_length=100)]


class ScheduleBody(Strict):
    """When the work is planned."""

    starts_at: Moment
    ends_at: Moment


class RiskBody(Strict):
    """A named risk, and what is done when it comes true."""

    name: Name
    rating: Risk
    contingency_action: Unfinished


class BackOutBody(Strict):
    """How a deployment is taken back."""

    steps: Steps
    owner: Unfinished = ""
    trigger: Unfinished = ""
    longest_duration_s: int = Field(default=0, ge=0, le=DAY_S)
    point_of_no_return: int | None = Field(default=None, ge=1, le=100)
    forward_steps: Steps = []

    def plan(self) -> BackOutPlan:
        """Return it in the words of the domain."""
        return BackOutPlan(
            steps=tuple(one.step() for one in self.steps),
            owner=self.owner,
            trigger=self.trigger,
            longest_duration_s=self.longest_duration_s,
            point_of_no_return=self.point_of_no_return,
            forward_steps=tuple(one.step() for one in self.forward_steps),
        )


class SuiteBody(Strict):
    """A test suite; `minimum` ones are run even in an emergency."""

    name: Identifier
    required: bool = True
    minimum: bool = False


class TestsBody(Strict):
    """The suites, and the criteria by which the build is accepted."""

    __test__ = False

    suites: list[SuiteBody] = Field(max_length=100)
    acceptance_criteria: list[Text] = Field(default=[], max_length=100)


class WritePlan(Strict):
    """The plan of a release; it may be written while it is incomplete, the gate names what is missing."""

    model_config = example(
        schedule={"starts_at": "2026-01-05T08:00:00Z", "ends_at": "2026-01-06T08:00:00Z"},
        risks=[{"name": "it is slow", "rating": "low", "contingency_action": "add a node"}],
        deployment_steps=[{"name": "install", "action": "install"}],
        back_out={
            "steps": [{"name": "restore", "action": "restore"}],
            "owner": "dan",
            "trigger": "a probe fails",
            "longest_duration_s": 60,
        },
        tests={"suites": [{"name": "functional"}], "acceptance_criteria": ["every test passes"]},
        strategy="one node after the other",
        reason="planned",
    )

    schedule: ScheduleBody | None = None
    risks: list[RiskBody] = Field(max_length=100)
    deployment_steps: Steps
    back_out: BackOutBody
    tests: TestsBody
    strategy: Unfinished = ""
    version: Name | None = None
    reason: Text

    def plan(self) -> Plan:
        """Return it in the words of the domain."""
        tests = TestPlan(
            tuple(Suite(one.name, required=one.required, minimum=one.minimum) for one in self.tests.suites),
            tuple(self.tests.acceptance_criteria),
        )
        return Plan(
            schedule=Schedule(self.schedule.starts_at, self.schedule.ends_at) if self.schedule else None,
            risks=tuple(PlannedRisk(one.name, one.rating, one.contingency_action) for one in self.risks),
            deployment_steps=tuple(one.step() for one in self.deployment_steps),
            back_out=self.back_out.plan(),
            tests=tests,
            strategy=self.strategy,
        )


class AcknowledgeImpact(Strict):
    """The digest of the impact set that was read."""

    model_config = example(impact_digest=SHA, reason="read and acknowledged")

    impact_digest: Digest
    reason: Text


class RequestGates(Strict):
    """One gate, or in an emergency two joined ones."""

    model_config = example(gates=["planning"], reason="ready for planning")

    gates: list[Gate] = Field(min_length=1, max_length=2)
    reason: Text


class EnterPhase(Strict):
    """The phase that an unused grant opens."""

    model_config = example(phase="planning", reason="G1 is granted")

    phase: ReleaseState
    reason: Text


class InputBody(Strict):
    """One input of a build, by its name, version and digest."""

    name: Name
    version: Name
    sha256: Digest

    def item(self) -> Item:
        """Return it in the words of the domain."""
        return Item(self.name, self.version, self.sha256, 0, "")


class CandidateBody(InputBody):
    """One piece of what a build put out."""

    size_bytes: int = Field(ge=0, le=2**40)
    kind: Identifier

    def item(self) -> Item:
        """Return it in the words of the domain."""
        return Item(self.name, self.version, self.sha256, self.size_bytes, self.kind)


class RecordBuild(Strict):
    """A build: everything that went in, and everything that came out."""

    model_config = example(
        inputs=[{"name": "flit-core", "version": "3.9.0", "sha256": SHA}],
        candidates=[{"name": "parcels", "version": "1.1.0", "sha256": SHA, "size_bytes": 4711, "kind": "wheel"}],
        reason="built on the workbench",
    )

    inputs: list[InputBody] = Field(max_length=1000)
    candidates: list[CandidateBody] = Field(max_length=1000)
    reason: Text


class RecordTestRun(Strict):
    """A test run: its suite, the digest of the tested bytes, and its JUnit report, which names them too."""

    model_config = example(
        suite="functional",
        tested_sha256=SHA,
        junit_xml=(
            f'<testsuite name="functional"><properties><property name="sha256" value="{SHA}"/></properties>'
            '<testcase classname="parcels" name="found"/></testsuite>'
        ),
        reason="ran on the workbench",
    )

    suite: Identifier
    tested_sha256: Digest
    junit_xml: Document
    reason: Text


class RequestRehearsal(Strict):
    """The sandbox in which package and back-out steps are rehearsed."""

    model_config = example(environment_id=ID, reason="to know how long the back-out takes")

    environment_id: UUID
    reason: Text


class EnvironmentBody(Strict):
    """One rung of the ladder: where, in which half-open window, in which waves of nodes."""

    environment_id: UUID
    window_start: Moment
    window_end: Moment
    waves: list[Annotated[list[Name], Field(max_length=200)]] = Field(max_length=100)
    soak_s: int = Field(default=0, ge=0, le=90 * DAY_S)

    def planned(self) -> PlannedEnvironment:
        """Return it in the words of the domain."""
        waves = tuple(tuple(wave) for wave in self.waves)
        return PlannedEnvironment(self.environment_id, self.window_start, self.window_end, waves, self.soak_s)


class PlanDeployment(Strict):
    """Environments in order, each with its window and waves."""

    model_config = example(
        environments=[
            {
                "environment_id": ID,
                "window_start": "2026-01-06T20:00:00Z",
                "window_end": "2026-01-06T23:00:00Z",
                "waves": [["prod-1"], ["prod-2"]],
            }
        ],
        on_window_end="back_out",
        reason="a pilot node first",
    )

    environments: list[EnvironmentBody] = Field(max_length=20)
    on_window_end: OnWindowEnd
    reason: Text

    def plan(self) -> DeploymentPlan:
        """Return it in the words of the domain."""
        return DeploymentPlan(tuple(one.planned() for one in self.environments), self.on_window_end)


class InformOwners(Strict):
    """The services whose owners were informed."""

    model_config = example(service_ids=[ID], reason="told by mail")

    service_ids: list[UUID] = Field(max_length=1000)
    reason: Text


class GoBack(Strict):
    """A way back; after a check-in, a new build takes a new package version."""

    model_config = example(way="rebuild", version="1.1.1", reason="the search depends on the case of a city")

    way: WayBack
    version: Name | None = None
    reason: Text
