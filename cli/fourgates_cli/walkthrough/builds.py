"""Build and test: media checked out, bytes built without a package index, and tests that ran on exactly those bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fourgates_cli.client import Answer
from fourgates_cli.walkthrough.media import check_out, described, named, upload
from fourgates_cli.walkthrough.releases import HEARD_LATER, release_of
from fourgates_cli.walkthrough.world import Thing, World
from fourgates_cli.workbench import Build, Medium, TestEvidence, lay_out

BUILD_TOOLS = ("flit-core", "pip")


@dataclass(frozen=True)
class Built:
    """A build of the example, and the source that it came from."""

    build: Build
    source: Path

    @property
    def candidates(self) -> tuple[Medium, ...]:
        """What the build offers to the library: the wheel and its bill of materials."""
        return (self.build.wheel, self.build.sbom)


def build_tools(world: World) -> tuple[Medium, ...]:
    """Return what a build of the example needs."""
    return tuple(wheel for wheel in world.wheels if wheel.name in BUILD_TOOLS)


def build(world: World, release: str, source_version: str, *, by: str = "bob") -> Built:
    """Check the tools out, build with nothing else, upload the candidates, and record the build."""
    tools = check_out(world, release, build_tools(world), by=by)
    source = lay_out(world.example, source_version, world.folder / "source" / source_version)
    built = Built(world.bench.build(source, tools), source)
    record_build(world, release, inputs=built.build.inputs, candidates=built.candidates, by=by)
    wheel = built.build.wheel
    world.narrator.proved(f"{wheel.file.name} built by {by} from {len(tools)} checked-out tools and no package index")
    world.narrator.aside(f"sha256 {wheel.sha256}; {built.build.sbom.file.name} names it and every input by digest")
    return built


def try_record_build(
    world: World, release: str, *, inputs: Sequence[Medium], candidates: Sequence[Medium], by: str = "bob"
) -> Answer:
    """Record a build, and return the answer whatever it says."""
    body = {
        "inputs": [named(medium) for medium in inputs],
        "candidates": [described(medium) for medium in candidates],
        "reason": "built on the workbench",
    }
    return world.by(by).try_post(f"{release_of(world, release)}/builds", body)


def record_build(
    world: World, release: str, *, inputs: Sequence[Medium], candidates: Sequence[Medium], by: str = "bob"
) -> Thing:
    """Upload the candidates and record the build; return the release."""
    for medium in candidates:
        upload(world, medium, by=by)
    person = world.by(by)
    answer = person.insist(
        lambda: try_record_build(world, release, inputs=inputs, candidates=candidates, by=by), while_only=HEARD_LATER
    )
    return dict(person.succeed(answer).body)


def run_tests(
    world: World,
    release: str,
    built: Built,
    *,
    suite: str = "functional",
    files: tuple[str, ...] = (),
    by: str = "tess",
) -> TestEvidence:
    """Check the test tools out, run the example's tests on the built bytes, and record the run with its report."""
    tools = check_out(world, release, world.wheels, by=by, purpose="test")
    evidence = world.bench.test(built.build.wheel, built.source / "tests", tools, suite=suite, files=files)
    record_tests(world, release, evidence, by=by)
    return evidence


def record_tests(world: World, release: str, evidence: TestEvidence, *, by: str = "tess") -> None:
    """Record a test run, and prove that the release judged its report as it is."""
    world.by(by).succeed(try_record_tests(world, release, evidence, by=by))
    runs = world.release(release)["test_runs"]
    run = [r for r in runs if r["suite"] == evidence.suite][-1]
    result = "passed" if evidence.passed else "failed"
    told = f"suite {evidence.suite!r} on {evidence.tested_sha256[:12]}…, {run['tests']} tests, run by {by}"
    world.narrator.state(run, "result", result, told)


def try_record_tests(
    world: World, release: str, evidence: TestEvidence, *, by: str = "tess", tested_sha256: str = ""
) -> Answer:
    """Record a test run, and return the answer whatever it says."""
    body = {
        "suite": evidence.suite,
        "tested_sha256": tested_sha256 or evidence.tested_sha256,
        "junit_xml": evidence.junit_xml,
        "reason": "ran on the workbench",
    }
    return world.by(by).try_post(f"{release_of(world, release)}/test-runs", body)


def try_sign_off(world: World, release: str, *, by: str = "mona") -> Answer:
    """Sign off, and return the answer whatever it says."""
    body = {"reason": "every required test passed on exactly these bytes"}
    return world.by(by).try_post(f"{release_of(world, release)}/sign-offs", body)


def sign_off(world: World, release: str, *, by: str = "mona") -> None:
    """Sign off the build."""
    world.by(by).succeed(try_sign_off(world, release, by=by))
    world.narrator.proved(f"signed off by {by}, the change manager who is liable for it")
