"""Builds, evidence and sign-off: numbered attempts, each tested as exactly the bytes that it put out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Forbidden, Unmet, refuse_any

from release_service.domain.facts import Facts
from release_service.domain.planning import Planning
from release_service.domain.states import CheckInState, DebtCode, MediaState, ReleaseState, TestResult
from release_service.domain.tables import FINAL
from release_service.domain.values import Build, Item, KnownItem, LineagePerson, SignOff, TestRun


class BuildRecorded(Aggregate.Event):
    """A build was recorded: its candidates, and its inputs, which were all definitive at that time."""

    build_id: UUID
    attempt: int
    inputs: tuple[Item, ...]
    candidates: tuple[Item, ...]

    def apply(self, aggregate: Facts) -> None:
        """A new build voids the evidence and the sign-off of the one before."""
        build = Build(self.build_id, self.attempt, self.inputs, self.candidates, self.act.person)
        aggregate.builds = (*aggregate.builds, build)
        aggregate.build = build
        aggregate.test_runs = ()
        aggregate.sign_off = None
        aggregate.people[LineagePerson(self.act.person, "builder")] = None


class TestRunRecorded(Aggregate.Event):
    """The evidence of a test run was bound to the build whose bytes were tested."""

    __test__ = False

    test_run_id: UUID
    build_id: UUID
    suite: str
    result: TestResult
    tested_sha256: str
    evidence_sha256: str
    tests: int
    failures: int

    def apply(self, aggregate: Facts) -> None:
        """Keep the evidence, and the tester in the lineage."""
        run = TestRun(
            test_run_id=self.test_run_id,
            build_id=self.build_id,
            suite=self.suite,
            result=self.result,
            tested_sha256=self.tested_sha256,
            evidence_sha256=self.evidence_sha256,
            tests=self.tests,
            failures=self.failures,
            tested_by=self.act.person,
        )
        aggregate.test_runs = (*aggregate.test_runs, run)
        aggregate.people[LineagePerson(self.act.person, "tester")] = None


class SignedOff(Aggregate.Event):
    """The change manager signed off a build whose required tests all passed."""

    build_id: UUID

    def apply(self, aggregate: Facts) -> None:
        """Keep the signature."""
        signed_off_at: datetime = self.act.at
        aggregate.sign_off = SignOff(self.build_id, self.act.person, signed_off_at)


class CheckInCompleted(Aggregate.Event):
    """The DML took every item of the package: all of them are definitive."""

    items: tuple[Item, ...]

    def apply(self, aggregate: Facts) -> None:
        """Keep the items; one that was quarantined before this was heard stays so."""
        if aggregate.check_in:
            aggregate.check_in = replace(aggregate.check_in, state=CheckInState.COMPLETED)
        for item in self.items:
            aggregate.checked_in[item.key] = item
            aggregate.media_states.setdefault(item.key, MediaState.DEFINITIVE)


class CheckInRefused(Aggregate.Event):
    """The DML refused the check-in as a whole."""

    reasons: tuple[str, ...]

    def apply(self, aggregate: Facts) -> None:
        """Keep why."""
        if aggregate.check_in:
            aggregate.check_in = replace(aggregate.check_in, state=CheckInState.REFUSED, reasons=self.reasons)


class MediaNoted(Aggregate.Event):
    """An item of this release was quarantined, cleared or withdrawn in the DML."""

    key: str
    state: MediaState

    def apply(self, aggregate: Facts) -> None:
        """Keep its state."""
        aggregate.media_states[self.key] = self.state


class Building(Planning):
    """Recording builds and test runs, signing off, and hearing from the DML."""

    def record_build(
        self,
        act: Act,
        *,
        build_id: UUID,
        inputs: tuple[Item, ...],
        candidates: tuple[Item, ...],
        known: dict[str, KnownItem],
    ) -> None:
        """Record the next numbered build. `known` is what was heard of media, by name and version."""
        refuse_any(self.unmet_for_record_build(act, inputs, candidates, known))
        self._happened(
            BuildRecorded,
            act,
            build_id=build_id,
            attempt=len(self.builds) + 1,
            inputs=inputs,
            candidates=candidates,
        )
        self._withdraw_stale(act)

    def unmet_for_record_build(
        self, act: Act, inputs: tuple[Item, ...], candidates: tuple[Item, ...], known: dict[str, KnownItem]
    ) -> Iterator[Unmet]:
        """Yield what stands in the way of recording this build."""
        yield from self.unmet_to_build(act)
        if not candidates:
            yield Unmet("no-candidates", "The build has no output.", "candidates", "name what was built")
        for item in inputs:
            heard = known.get(item.key)
            if heard is None or heard.sha256 != item.sha256 or heard.state is not MediaState.DEFINITIVE:
                state = "unknown" if heard is None else heard.state
                state = state if heard is None or heard.sha256 == item.sha256 else "known with other bytes"
                yield Unmet(
                    "input-not-definitive",
                    f"The input {item.key} ({item.sha256}) is {state} in the DML.",
                    source=f"inputs.{item.key}",
                    remedy="check it in first, or build with a definitive one",
                )
        for item in candidates:
            taken = known.get(item.key)
            if taken is not None and taken.sha256 != item.sha256:
                yield Unmet(
                    "version-taken",
                    f"{item.key} is in the DML with other bytes, for ever.",
                    source=f"candidates.{item.key}",
                    remedy="build a new version",
                )

    def unmet_to_build(self, act: Act) -> Iterator[Unmet]:
        """Yield what keeps this release from being built at all."""
        yield from self._not_entitled(act, "builder")
        yield from self._building_now()
        yield from self.unmet_phase_grant()
        yield from self._changes_not_authorized()

    def _building_now(self) -> Iterator[Unmet]:
        if self.state is not ReleaseState.BUILD_AND_TEST:
            yield Unmet(
                "not-in-build-and-test",
                f"The release is in {self.state}, not in build and test.",
                source="state",
                remedy="enter build and test, or rebuild: POST /release/v1/releases/{id}/ways-back",
            )

    def record_test_run(
        self,
        act: Act,
        *,
        test_run_id: UUID,
        suite: str,
        result: TestResult,
        tested_sha256: str,
        evidence_sha256: str,
        evidence_names: tuple[str, ...],
        tests: int,
        failures: int,
    ) -> None:
        """Bind the evidence of a test run to the present build. `evidence_names` are the digests that stand in it."""
        unmet = self.unmet_for_record_test_run(act, tested_sha256)
        refuse_any((*unmet, *self._unmet_evidence_names(tested_sha256, evidence_names)))
        self._happened(
            TestRunRecorded,
            act,
            test_run_id=test_run_id,
            build_id=self.build.build_id if self.build else None,
            suite=suite,
            result=result,
            tested_sha256=tested_sha256,
            evidence_sha256=evidence_sha256,
            tests=tests,
            failures=failures,
        )
        self._withdraw_stale(act)
        self._settle_tests(act)

    def unmet_for_record_test_run(self, act: Act, tested_sha256: str | None) -> Iterator[Unmet]:
        """Yield what stands in the way of binding evidence for these bytes."""
        yield from self._not_entitled(act, "tester", "builder")
        yield from self._over()
        if not self._owes(DebtCode.TEST_SUITES):
            yield from self._building_now()
        if self.build is None:
            yield Unmet("no-build-to-test", "There is no build.", "build", "POST /release/v1/releases/{id}/builds")
        elif tested_sha256 not in {None, self.build.package_digest, *(i.sha256 for i in self.build.candidates)}:
            yield Unmet(
                "tested-other-bytes",
                f"The bytes {tested_sha256} are not the output of build {self.build.attempt}.",
                source="tested_sha256",
                remedy="test the bytes that this build put out",
            )

    def _unmet_evidence_names(self, tested_sha256: str, evidence_names: tuple[str, ...]) -> Iterator[Unmet]:
        if set(evidence_names) != {tested_sha256}:
            yield Unmet(
                "evidence-names-other-bytes",
                "The evidence does not name exactly the digest of the bytes that are said to be tested.",
                source="junit_xml",
                remedy="write the property sha256 of the tested bytes into each testsuite of the report",
            )

    def record_sign_off(self, act: Act) -> None:
        """Sign off the present build, as change manager."""
        refuse_any(self.unmet_for_record_sign_off(act))
        self._happened(SignedOff, act, build_id=self.build.build_id if self.build else None)
        self._withdraw_stale(act)

    def unmet_for_record_sign_off(self, act: Act) -> Iterator[Unmet]:
        """Yield what stands in the way of signing off: every suite that has not passed, and the signer's part."""
        yield from self._not_entitled(act, "change_manager")
        yield from self._building_now()
        yield from self.unmet_evidence()
        if self.sign_off is not None:
            yield Unmet(
                "already-signed-off", "This build is signed off.", source="sign_off", remedy="nothing needs to be done"
            )
        for person in self.lineage():
            if person.person_id == act.person:
                yield Forbidden(
                    "signer-in-lineage",
                    f"A sign-off is refused to the {person.part} of what is signed off.",
                    source="lineage",
                    remedy="ask a change manager who had no part in it",
                    person=act.person,
                )
        if act.machine:
            yield Forbidden(
                "signer-is-a-machine",
                "A machine account signs nothing off.",
                source="token",
                remedy="ask a change manager",
                person=act.person,
            )

    def note_check_in_completed(self, act: Act, *, build_id: UUID, items: tuple[Item, ...]) -> None:
        """Keep that the DML took the package; kinds without deployment go to review."""
        if self._awaits_check_in(build_id):
            self._happened(CheckInCompleted, act, items=items)
            if not self.deploys:
                self._enter_review(act)

    def note_check_in_refused(self, act: Act, *, build_id: UUID, reasons: tuple[str, ...]) -> None:
        """Keep that the DML refused the package."""
        if self._awaits_check_in(build_id):
            self._happened(CheckInRefused, act, reasons=reasons)

    def _awaits_check_in(self, build_id: UUID) -> bool:
        waiting = self.check_in is not None and self.check_in.state is CheckInState.REQUESTED
        return waiting and self.check_in is not None and self.check_in.build_id == build_id

    def note_media(self, act: Act, *, key: str, state: MediaState) -> None:
        """Keep what was heard of an item that this release built or checked in."""
        mine = {*self.checked_in, *(item.key for build in self.builds for item in build.candidates)}
        if self.state not in FINAL and key in mine and self.media_states.get(key) is not state:
            self._happened(MediaNoted, act, key=key, state=state)

    def _enter_review(self, act: Act) -> None:
        """Enter review; the subject review says how."""
        raise NotImplementedError
