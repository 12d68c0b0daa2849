"""A service: who keeps it, what it depends on, and its way from pipeline to retired."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID

import pytest
from dml_service.domain import Dependency, Lifecycle, Service, ServiceLevelTarget, ServiceName
from fourgates.chassis.testing import an_act, event_names, refused, replayed

OWNER = an_act("olga", roles=("service_owner",))
A, B, C = UUID(int=101), UUID(int=102), UUID(int=103)
RELEASE, DEPLOYMENT = UUID(int=201), UUID(int=301)
REACTION = an_act("dml-service")


def a_service(service_id=A):
    return Service.register(
        OWNER, service_id=service_id, name="tracking", owner_id="olga", tier="gold", value_case="parcels are found"
    )


def a_live_service():
    service = a_service()
    service.go_live(REACTION, release_id=RELEASE)
    return service


def a_retiring_service():
    service = a_live_service()
    service.begin_retirement(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    return service


def a_retired_service():
    service = a_retiring_service()
    service.note_retirement_deployed(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    service.note_retirement_closed(REACTION, release_id=RELEASE)
    return service


def a_target(name="fast"):
    return ServiceLevelTarget(
        target_id=UUID(int=7),
        name=name,
        measure="latency_p95_ms",
        comparison="<=",
        goal=200.0,
        unit="ms",
        path="/parcels",
    )


def on(service_id, lifecycle=Lifecycle.LIVE, reaches=()):
    return Dependency(service_id=service_id, lifecycle=lifecycle, reaches=frozenset(reaches))


def test_a_service_begins_in_its_pipeline():
    assert a_service().lifecycle is Lifecycle.PIPELINE


def test_not_everybody_registers_a_service():
    with refused("not-entitled"):
        Service.register(an_act("eve"), service_id=A, name="x", owner_id="eve", tier="gold", value_case="")


def test_a_name_is_taken_once():
    name = ServiceName.take(OWNER, name="Tracking", service_id=A)
    assert ServiceName.id_of("tracking ") == name.id
    assert [unmet.code for unmet in name.unmet_for_taking()] == ["name-taken"]


def test_each_set_of_targets_is_a_new_revision(kit):
    service = a_service()
    service.set_targets(OWNER, targets=(a_target(),))
    service.set_targets(OWNER, targets=(a_target("fast"), a_target("there")))
    assert service.targets_revision == 2
    assert [target.name for target in service.targets] == ["fast", "there"]
    assert kit.state_of(replayed(service)) == kit.state_of(service)


def test_two_targets_do_not_share_a_name():
    with refused("target-named-twice"):
        a_service().set_targets(OWNER, targets=(a_target(), a_target()))


@pytest.mark.parametrize(
    "act", [an_act("olga"), an_act("oscar", roles=("service_owner",)), an_act("ben", roles=("builder",))]
)
def test_only_the_owner_says_what_a_service_is(act):
    with refused("not-the-owner"):
        a_service().set_targets(act, targets=())


def test_a_change_manager_may_keep_any_service():
    service = a_service()
    service.set_owner(an_act("mia", roles=("change_manager",)), owner_id="oscar")
    assert service.owner_id == "oscar"


def test_a_retired_service_is_kept_no_more():
    with refused("service-retired"):
        a_retired_service().set_owner(OWNER, owner_id="oscar")


def test_a_service_depends_on_others():
    service = a_service()
    service.set_relations(OWNER, dependencies=(on(B), on(C), on(B)))
    assert service.depends_on == (B, C)


def test_a_service_does_not_depend_on_what_nobody_registered():
    with refused("service-unknown"):
        a_service().set_relations(OWNER, dependencies=(on(B, lifecycle=None),))


@pytest.mark.parametrize("lifecycle", [Lifecycle.RETIRING, Lifecycle.RETIRED])
def test_nothing_new_depends_on_a_service_that_goes(lifecycle):
    with refused("service-retiring"):
        a_service().set_relations(OWNER, dependencies=(on(B, lifecycle),))


def test_a_relation_that_was_there_before_may_stay_while_the_other_goes():
    service = a_service()
    service.set_relations(OWNER, dependencies=(on(B),))
    service.set_relations(OWNER, dependencies=(on(B, Lifecycle.RETIRING), on(C)))
    assert service.depends_on == (B, C)


@pytest.mark.parametrize("dependency", [on(A), on(B, reaches=[A]), on(B, reaches=[C, A])])
def test_services_do_not_depend_in_a_circle(dependency):
    with refused("dependency-cycle"):
        a_service().set_relations(OWNER, dependencies=(dependency,))


def test_live_dependants_are_those_that_run():
    service = a_service()
    service.note_dependant(REACTION, dependant_id=B, lifecycle=Lifecycle.PIPELINE)
    assert service.live_dependants == ()
    service.note_dependant(REACTION, dependant_id=B, lifecycle=Lifecycle.LIVE)
    service.note_dependant(REACTION, dependant_id=B, lifecycle=Lifecycle.LIVE)
    service.note_dependant(REACTION, dependant_id=C, lifecycle=Lifecycle.RETIRING)
    assert service.live_dependants == (B, C)
    service.note_dependant(REACTION, dependant_id=C, lifecycle=Lifecycle.RETIRED)
    service.note_dependant_gone(REACTION, dependant_id=B)
    service.note_dependant_gone(REACTION, dependant_id=B)
    assert service.live_dependants == ()
    assert event_names(service) == ["Registered", *["DependantNoted"] * 4, "DependantGone"]


def test_a_service_goes_live_once():
    service = a_live_service()
    service.go_live(REACTION, release_id=RELEASE)
    assert event_names(service) == ["Registered", "WentLive"]


def test_a_service_is_retiring_from_the_use_of_its_deployment_gate():
    service = a_retiring_service()
    service.begin_retirement(REACTION, release_id=RELEASE, deployment_id=UUID(int=302))
    assert service.lifecycle is Lifecycle.RETIRING
    assert event_names(service).count("RetirementBegun") == 1


def test_a_service_is_retired_when_its_retirement_was_deployed_and_closed(kit):
    service = a_retired_service()
    assert service.lifecycle is Lifecycle.RETIRED
    assert kit.state_of(replayed(service)) == kit.state_of(service)


def test_a_retirement_that_was_only_closed_waits_for_its_deployment_to_be_heard():
    service = a_retiring_service()
    service.note_retirement_closed(REACTION, release_id=RELEASE)
    service.note_retirement_closed(REACTION, release_id=RELEASE)
    assert service.lifecycle is Lifecycle.RETIRING
    service.note_retirement_deployed(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    assert service.lifecycle is Lifecycle.RETIRED
    assert event_names(service).count("RetirementClosed") == 1


def test_a_deployed_retirement_counts_even_when_its_begin_was_not_heard():
    service = a_live_service()
    service.note_retirement_deployed(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    service.note_retirement_deployed(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    assert event_names(service)[2:] == ["RetirementBegun", "RetirementDeployed"]


@pytest.mark.parametrize("how", ["gone", "retired"])
def test_no_service_is_retired_while_a_live_service_depends_on_it(how):
    service = a_retiring_service()
    service.note_dependant(REACTION, dependant_id=B, lifecycle=Lifecycle.LIVE)
    service.note_retirement_deployed(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    service.note_retirement_closed(REACTION, release_id=RELEASE)
    assert service.lifecycle is Lifecycle.RETIRING
    if how == "gone":
        service.note_dependant_gone(REACTION, dependant_id=B)
    else:
        service.note_dependant(REACTION, dependant_id=B, lifecycle=Lifecycle.RETIRED)
    assert service.lifecycle is Lifecycle.RETIRED


def test_a_service_is_live_again_when_its_retirement_is_backed_out(kit):
    service = a_retiring_service()
    service.back_out_retirement(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    service.back_out_retirement(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    assert service.lifecycle is Lifecycle.LIVE
    assert event_names(service).count("RetirementBackedOut") == 1
    assert kit.state_of(replayed(service)) == kit.state_of(service)


def test_a_back_out_that_was_heard_first_ends_the_retirement_before_it_begins():
    service = a_live_service()
    service.back_out_retirement(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    service.begin_retirement(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    service.note_retirement_deployed(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    assert service.lifecycle is Lifecycle.LIVE
    service.begin_retirement(REACTION, release_id=RELEASE, deployment_id=UUID(int=302))
    assert service.lifecycle is Lifecycle.RETIRING


def test_only_the_release_that_retires_a_service_gives_it_up():
    service = a_retiring_service()
    service.give_up_retirement(REACTION, release_id=UUID(int=202))
    assert service.lifecycle is Lifecycle.RETIRING
    service.give_up_retirement(REACTION, release_id=RELEASE)
    assert service.lifecycle is Lifecycle.LIVE


def test_retired_is_final():
    service = a_retired_service()
    service.back_out_retirement(REACTION, release_id=RELEASE, deployment_id=UUID(int=302))
    service.begin_retirement(REACTION, release_id=RELEASE, deployment_id=UUID(int=303))
    service.go_live(REACTION, release_id=RELEASE)
    assert service.lifecycle is Lifecycle.RETIRED


def test_a_recommendation_to_retire_is_marked_once_for_each_review():
    service = a_live_service()
    for review_id in (UUID(int=1), UUID(int=1), UUID(int=2)):
        service.recommend_retirement(REACTION, release_id=RELEASE, review_id=review_id, reason="no value")
    assert service.retirement_recommended_by == (UUID(int=1), UUID(int=2))


def test_next_says_who_keeps_the_service():
    assert all(command.possible for command in a_service().next(OWNER))
    assert not any(command.possible for command in a_retired_service().next(OWNER))


def test_a_retirement_whose_back_out_failed_is_over_when_its_release_is_closed_in_any_order():
    failed = ("note_retirement_failed", {"release_id": RELEASE, "deployment_id": DEPLOYMENT})
    closed = ("note_retirement_closed", {"release_id": RELEASE})
    begun = ("begin_retirement", {"release_id": RELEASE, "deployment_id": DEPLOYMENT})
    for order in permutations((failed, closed, begun)):
        service = a_live_service()
        for command, named in (*order, failed):
            getattr(service, command)(REACTION, **named)
        assert (service.lifecycle, service.retirement) == (Lifecycle.LIVE, None)
        service.begin_retirement(REACTION, release_id=UUID(int=202), deployment_id=UUID(int=302))
        assert service.lifecycle is Lifecycle.RETIRING
        assert vars(replayed(service)) == {**vars(service), "_pending_events": []}


def test_a_service_stays_retiring_while_the_review_of_its_failed_retirement_goes_on():
    service = a_retiring_service()
    service.note_retirement_failed(REACTION, release_id=RELEASE, deployment_id=DEPLOYMENT)
    assert service.lifecycle is Lifecycle.RETIRING
    service.give_up_retirement(REACTION, release_id=RELEASE)
    assert service.lifecycle is Lifecycle.LIVE
