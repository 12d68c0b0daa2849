"""Everything that a release says to the others can be said, from the release as it was at that moment."""

from __future__ import annotations

from fourgates.chassis.testing import event_names
from fourgates.contracts.common import Gate as SaidGate
from release_service.domain import DeploymentState, Gate, ReleaseKind, ReleaseState, WayBack
from release_service.publishing import INTERNAL, PUBLISHED

from tests.unit.release.a_release import RELEASE, Story, a_change, an_item, manager, reaction, signer


def said_by(release):
    """Fold the release event by event, and publish each as the relay does."""
    found, copy = [], None
    for happened in release.pending_events:
        copy = happened.mutate(copy)
        if type(happened) in PUBLISHED:
            fact = PUBLISHED[type(happened)](copy, happened)
            assert type(fact).model_validate_json(fact.model_dump_json()) == fact
            found.append(fact)
    return found


def stories():
    story = Story().to_deployed()
    story.release.record_successor(reaction(), evaluation_id=RELEASE)
    story.decide()
    yield story
    story = Story(ReleaseKind.FIX, emergency=True).to_emergency_deployment()
    story.release.request_confirmation(manager(), request_id=RELEASE)
    story.acknowledge()
    story.inform()
    story.rehearse(succeeded=False)
    yield story
    story = Story()
    story.release.carry_changes(manager(), changes=(a_change(),))
    request = story.request(Gate.PLANNING)
    story.release.withdraw_gate_request(manager(), request_id=request.request_id)
    story.release.put_on_hold(manager())
    story.release.take_off_hold(manager())
    story.to_check_in()
    story.release.go_back(manager(), way=WayBack.REBUILD, version="1.0.1")
    story.build(items=(an_item(version="1.0.1"),))
    story.release.cancel(manager())
    yield story
    story = Story().to_deployment()
    story.release.cancel(manager())
    yield story


def test_every_published_event_can_be_published():
    happened = set()
    for story in stories():
        said_by(story.release)
        happened |= {type(event) for event in story.release.pending_events}
    assert set(PUBLISHED) <= happened
    assert not set(PUBLISHED) & INTERNAL


def test_an_entry_says_which_grant_it_used():
    entries = [fact for fact in said_by(Story().to_deployed().release) if type(fact).__name__ == "PhaseEntered"]
    assert [fact.phase.value for fact in entries] == [
        *("planning", "build_and_test", "check_in", "deployment", "review"),
    ]
    assert [fact.grant.gate for fact in entries[:-1]] == list(SaidGate)
    assert entries[-1].grant is None


def test_requests_to_others_carry_the_grant_and_the_package():
    story = Story().to_checked_in()
    story.release.go_back(manager(), way=WayBack.REBUILD, version="1.0.1")
    story.build(items=(an_item(version="1.0.1", mark="b"),))
    story.run_all()
    story.rehearse()
    story.release.record_sign_off(signer())
    story.pass_gate(Gate.CHECK_IN)
    story.check_in_completes()
    story.plan_deployment()
    story.inform()
    story.pass_gate(Gate.DEPLOYMENT)
    facts = {type(fact).__name__: fact for fact in said_by(story.release)}
    assert len(facts["CheckInRequested"].supersedes_item_ids) == 1
    assert facts["CheckInRequested"].grant.gate is SaidGate.CHECK_IN
    assert facts["RehearsalRequested"].grant.gate is SaidGate.BUILD_AND_TEST
    deployment = facts["DeploymentRequested"]
    assert deployment.grant.gate is SaidGate.DEPLOYMENT
    assert deployment.version == "1.0.1"
    assert deployment.package_digest == facts["RehearsalRequested"].package_digest
    assert deployment.rehearsal_id == facts["RehearsalRequested"].rehearsal_id


def test_an_initial_load_is_marked_for_ever():
    facts = said_by(Story(ReleaseKind.INITIAL_LOAD).to_check_in().release)
    assert next(fact for fact in facts if type(fact).__name__ == "CheckInRequested").loaded


def test_a_back_out_is_followed_by_its_review():
    story = Story().to_running()
    story.hear(DeploymentState.BACKED_OUT)
    assert event_names(story.release)[-1] == "ReviewEntered"
    assert story.release.state is ReleaseState.REVIEW
