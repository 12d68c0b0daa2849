"""Configuration items, what runs where, baselines and impact."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from dml_service.domain import (
    Baseline,
    BaselineEntry,
    ConfigurationItem,
    Impact,
    Impacted,
    Relation,
    RelationKind,
    RelationTarget,
    Running,
)
from fourgates.chassis.aggregate import digest_of
from fourgates.chassis.testing import NOON, an_act, event_names, refused, replayed

MANAGER = an_act("mia", roles=("release_manager",))
EVE = an_act("eve")
CI, OTHER, NODE, SERVICE, ITEM = (UUID(int=number) for number in range(1, 6))
RELEASE = UUID(int=9)


def a_configuration_item():
    return ConfigurationItem.register(
        MANAGER, configuration_item_id=CI, name="db-1", kind="database", attributes={"engine": "postgres"}
    )


def running(since=NOON, version="1.0.0"):
    return Running(release_id=RELEASE, release_version=version, url="http://127.0.0.1:8", item_ids=(ITEM,), since=since)


def a_running_item():
    item = ConfigurationItem.discover(
        an_act("dml-service"), configuration_item_id=CI, name="tracking", kind="instance", attributes={}
    )
    item.note_running(an_act(), running=running(), service_id=SERVICE, node_id=NODE)
    return item


def a_target(target_id=OTHER, *, known=True, gone=False):
    return RelationTarget(Relation(RelationKind.DEPENDS_ON, target_id), known=known, gone=gone)


def test_a_configuration_item_has_typed_relations(kit):
    item = a_configuration_item()
    item.set_relations(MANAGER, targets=(a_target(), a_target()))
    assert item.relations == (Relation(RelationKind.DEPENDS_ON, OTHER),)
    assert kit.state_of(replayed(item)) == kit.state_of(item)


def test_not_everybody_registers_a_configuration_item():
    with refused("not-entitled"):
        ConfigurationItem.register(EVE, configuration_item_id=CI, name="x", kind="y", attributes={})


def test_not_everybody_relates_configuration_items():
    with refused("not-entitled"):
        a_configuration_item().set_relations(EVE, targets=())


def test_nothing_relates_to_what_is_unknown():
    with refused("target-unknown"):
        a_configuration_item().set_relations(MANAGER, targets=(a_target(known=False),))


def test_nothing_new_relates_to_what_is_gone():
    with refused("target-retiring"):
        a_configuration_item().set_relations(MANAGER, targets=(a_target(gone=True),))


def test_a_relation_that_was_there_before_may_stay():
    item = a_configuration_item()
    item.set_relations(MANAGER, targets=(a_target(),))
    item.set_relations(MANAGER, targets=(a_target(gone=True),))
    assert len(item.relations) == 1


def test_nothing_relates_to_itself():
    with refused("relation-to-itself"):
        a_configuration_item().set_relations(MANAGER, targets=(a_target(CI),))


def test_a_retired_configuration_item_is_kept_no_more():
    item = a_configuration_item()
    item.retire(MANAGER, reason="sold")
    with refused("configuration-item-retired"):
        item.set_relations(MANAGER, targets=())
    assert [command.possible for command in item.next(MANAGER)] == [False, False]


def test_what_runs_is_not_retired_by_hand():
    with refused("still-running"):
        a_running_item().retire(MANAGER, reason="tidy")


def test_what_runs_where_follows_the_deployments(kit):
    item = a_running_item()
    assert item.relations == (
        Relation(RelationKind.PART_OF, SERVICE),
        Relation(RelationKind.RUNS_ON, NODE),
        Relation(RelationKind.USES, ITEM),
    )
    item.note_running(an_act(), running=running(NOON + timedelta(hours=1), "1.1.0"), service_id=SERVICE, node_id=NODE)
    assert [ran.release_version for ran in item.ran] == ["1.0.0", "1.1.0"]
    assert kit.state_of(replayed(item)) == kit.state_of(item)


def test_an_older_fact_does_not_change_what_runs():
    item = a_running_item()
    item.note_running(an_act(), running=running(NOON - timedelta(hours=1), "0.9"), service_id=SERVICE, node_id=NODE)
    item.note_stopped(an_act(), release_id=RELEASE, stopped_at=NOON - timedelta(hours=1))
    assert item.running == running()


def test_a_stopped_instance_runs_nowhere(kit):
    item = a_running_item()
    for _ in range(2):
        item.note_stopped(an_act(), release_id=RELEASE, stopped_at=NOON + timedelta(hours=1))
    assert item.running is None
    assert item.relations == (Relation(RelationKind.PART_OF, SERVICE),)
    assert event_names(item).count("Stopped") == 1
    item.note_running(an_act(), running=running(NOON + timedelta(minutes=1)), service_id=SERVICE, node_id=NODE)
    assert item.running is None
    assert kit.state_of(replayed(item)) == kit.state_of(item)


def take(entries, act=MANAGER):
    return Baseline.take(act, baseline_id=UUID(int=8), name="before", service_id=None, entries=entries, entries_max=2)


def an_entry(number):
    return BaselineEntry(kind="service", id=UUID(int=number), name="tracking", version=1, digest="a" * 64)


def test_a_baseline_keeps_what_was_configured(kit):
    entries = (an_entry(1), an_entry(2))
    baseline = take(entries)
    assert baseline.digest == digest_of(entries)
    assert kit.state_of(replayed(baseline)) == kit.state_of(baseline)
    assert baseline.next(MANAGER) == ()


def test_not_everybody_takes_a_baseline():
    with refused("not-entitled"):
        take((an_entry(1),), act=EVE)


def test_an_empty_baseline_is_not_taken():
    with refused("nothing-to-keep"):
        take(())


def test_a_baseline_has_a_limit():
    with refused("baseline-too-large"):
        take((an_entry(1), an_entry(2), an_entry(3)))


def test_an_impact_has_the_same_digest_in_any_order(kit):
    one, two = (Impacted(UUID(int=n), f"service {n}", "olga", "gold", "depends_on") for n in (1, 2))
    digests = set()
    for impacted in ((one, two), (two, one)):
        impact = Impact.compute(
            an_act(), impact_id=UUID(int=5), release_id=RELEASE, service_id=SERVICE, impacted=impacted
        )
        digests.add(impact.impact_digest)
        assert impact.impacted == (one, two)
        assert kit.state_of(replayed(impact)) == kit.state_of(impact)
        assert impact.next(MANAGER) == ()
    assert len(digests) == 1
