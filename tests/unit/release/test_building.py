"""Builds, evidence and sign-off: definitive inputs, this build's bytes, a signer without a part in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fourgates.chassis.aggregate import Refused
from fourgates.chassis.testing import an_act, event_names, refused
from release_service.domain import (
    ChangeState,
    CheckInState,
    Gate,
    MediaState,
    ReleaseKind,
    ReleaseState,
    RequestState,
    TestResult,
)

from tests.unit.release.a_release import (
    RELEASE,
    TOOL,
    Story,
    a_change,
    a_tester,
    an_item,
    builder,
    known,
    manager,
    reaction,
    signer,
)


def test_only_a_builder_builds_and_only_in_build_and_test():
    story = Story().to_ready_plan()
    with refused("not-in-build-and-test"):
        story.build()
    story.pass_gate(Gate.BUILD_AND_TEST)
    with refused("not-entitled"):
        story.build(act=a_tester())


@pytest.mark.parametrize(
    "heard",
    [
        {},
        {TOOL.key: known(TOOL, MediaState.QUARANTINED)},
        {TOOL.key: known(TOOL, MediaState.WITHDRAWN)},
        {TOOL.key: known(replace(TOOL, sha256="8" * 64))},
    ],
)
def test_an_input_that_is_not_definitive_refuses_the_build_and_is_named(heard):
    story = Story().to_build_and_test()
    with pytest.raises(Refused, match=r"setuptools@80\.0"):
        story.build(known_items=heard)
    with refused("input-not-definitive"):
        story.build(known_items=heard)


def test_a_build_has_output():
    story = Story().to_build_and_test()
    with refused("no-candidates"):
        story.release.record_build(builder(), build_id=RELEASE, inputs=(), candidates=(), known={})


def test_a_name_and_version_in_the_dml_never_gets_other_bytes():
    story = Story().to_build_and_test()
    with refused("version-taken"):
        story.build(known_items={TOOL.key: known(TOOL), "parcels@1.0.0": known(an_item(mark="f"))})


def test_a_rejected_change_stops_the_build():
    story = Story().to_build_and_test()
    story.release.note_change(reaction(), change=a_change(state=ChangeState.REJECTED))
    with refused("change-not-authorized"):
        story.build()


def test_a_revoked_second_grant_stops_the_build():
    story = Story().to_build_and_test()
    used = story.release.used[Gate.BUILD_AND_TEST]
    story.release.note_request_ended(reaction(), request_id=used, ended=RequestState.REVOKED, reasons=())
    with refused("phase-grant-revoked"):
        story.build()


def test_attempts_are_numbered_and_a_new_build_voids_evidence_and_sign_off():
    story = Story().to_signed_off()
    story.build(items=(an_item(mark="b"),))
    assert [build.attempt for build in story.release.builds] == [1, 2]
    assert story.release.test_runs == ()
    assert story.release.sign_off is None


# Evidence.


def test_evidence_is_bound_by_testers_in_build_and_test():
    story = Story().to_built()
    with refused("not-entitled"):
        story.run("unit", act=manager())
    story = Story().to_check_in()
    with refused("not-in-build-and-test"):
        story.run("unit")


def test_evidence_needs_a_build():
    with refused("no-build-to-test"):
        Story().to_build_and_test().run("unit", tested="a" * 64)


def test_evidence_of_other_bytes_is_refused():
    with refused("tested-other-bytes"):
        Story().to_built().run("unit", tested="b" * 64)


@pytest.mark.parametrize("names", [("b" * 64,), ("a" * 64, "b" * 64)])
def test_evidence_names_the_bytes_that_were_tested_and_no_others(names):
    with refused("evidence-names-other-bytes"):
        Story().to_built().run("unit", names=names)


def test_the_whole_package_may_be_tested_by_its_digest():
    story = Story().to_built()
    story.run("unit", tested=story.release.build.package_digest)
    assert "unit" not in story.release.suites_not_passed(minimum_only=False)


def test_the_last_run_counts():
    story = Story().to_built()
    story.run("unit")
    story.run("unit", TestResult.FAILED)
    assert "unit" in story.release.suites_not_passed(minimum_only=False)
    story.run("unit")
    assert "unit" not in story.release.suites_not_passed(minimum_only=False)


@pytest.mark.parametrize("result", [r for r in TestResult if r is not TestResult.PASSED])
def test_only_a_passed_run_passes(result):
    story = Story().to_built()
    story.run("unit", result)
    assert "unit" in story.release.suites_not_passed(minimum_only=False)


def test_media_are_verified_one_by_one():
    story = Story(ReleaseKind.MEDIA).to_build_and_test()
    story.build(items=(an_item("left"), an_item("right", mark="b")))
    story.run("scan", tested="a" * 64)
    assert "scan" in story.release.suites_not_passed(minimum_only=False)
    story.run("scan", tested="b" * 64)
    assert "scan" not in story.release.suites_not_passed(minimum_only=False)


def test_each_kind_has_suites_of_its_own():
    media = Story(ReleaseKind.MEDIA).to_built()
    assert {"supplier", "licence", "checksum_or_signature", "scan"} <= set(media.release.required_suites())
    load = Story(ReleaseKind.INITIAL_LOAD).to_built()
    assert "dry_run" in load.release.required_suites()


# Sign-off.


def test_sign_off_is_refused_with_every_suite_that_has_not_passed():
    story = Story().to_built()
    story.run("unit", TestResult.FAILED)
    with pytest.raises(Refused, match=r"'unit'.*'smoke'"):
        story.release.record_sign_off(signer())


def test_sign_off_needs_a_build():
    story = Story().to_build_and_test()
    with refused("no-build"):
        story.release.record_sign_off(signer())


def test_sign_off_is_the_change_managers():
    story = Story().to_built()
    story.run_all()
    with refused("not-entitled"):
        story.release.record_sign_off(manager())


@pytest.mark.parametrize("person", ["mona", "rita", "anna", "bert", "tess"])
def test_nobody_signs_off_what_they_had_a_part_in(person):
    story = Story().to_built()
    story.run_all()
    with refused("signer-in-lineage"):
        story.release.record_sign_off(an_act(person, roles=("change_manager",)))


def test_no_machine_signs_off():
    story = Story().to_built()
    story.run_all()
    with refused("signer-is-a-machine"):
        story.release.record_sign_off(signer(machine=True))


def test_a_build_is_signed_off_once_and_in_its_phase():
    story = Story().to_signed_off()
    with refused("already-signed-off"):
        story.release.record_sign_off(signer())
    story.pass_gate(Gate.CHECK_IN)
    with refused("not-in-build-and-test"):
        story.release.record_sign_off(signer())


# The answer of the DML.


def test_a_refused_check_in_keeps_its_reasons_and_its_ways_back():
    story = Story().to_check_in()
    build_id = story.release.build.build_id
    story.release.note_check_in_refused(reaction(), build_id=build_id, reasons=("bytes missing",))
    story.release.note_check_in_refused(reaction(), build_id=build_id, reasons=("bytes missing",))
    assert event_names(story.release).count("CheckInRefused") == 1
    assert story.release.check_in.reasons == ("bytes missing",)
    assert story.release.state is ReleaseState.CHECK_IN


def test_an_answer_about_another_build_changes_nothing():
    story = Story().to_check_in()
    story.release.note_check_in_completed(reaction(), build_id=RELEASE, items=())
    assert story.release.check_in.state is CheckInState.REQUESTED


def test_media_of_others_are_not_noted():
    story = Story().to_checked_in()
    before = len(story.release.pending_events)
    story.release.note_media(reaction(), key="other@1", state=MediaState.QUARANTINED)
    story.release.note_media(reaction(), key="parcels@1.0.0", state=MediaState.DEFINITIVE)
    assert len(story.release.pending_events) == before
