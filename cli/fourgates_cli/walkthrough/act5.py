"""Act 5: what else the process foresees, told of a small service that prints labels."""

from __future__ import annotations

from fourgates_cli.walkthrough.act5_audit import audit
from fourgates_cli.walkthrough.act5_changes import change_for_a_meeting, change_given_up, change_without_a_service
from fourgates_cli.walkthrough.act5_deployment import deploy_labels
from fourgates_cli.walkthrough.act5_design import correct_targets, design
from fourgates_cli.walkthrough.act5_media import third_party_media
from fourgates_cli.walkthrough.act5_model import standard_change
from fourgates_cli.walkthrough.act5_people import back_to_the_shipped_rules, people, two_for_medium_risk
from fourgates_cli.walkthrough.act5_release import release_labels
from fourgates_cli.walkthrough.act5_review import review_labels
from fourgates_cli.walkthrough.world import World


def act5(world: World) -> None:
    """Do what the other acts had no occasion for."""
    world.narrator.act("Act 5: what else the process foresees")
    design(world)
    people(world)
    two_for_medium_risk(world)
    change_for_a_meeting(world)
    back_to_the_shipped_rules(world)
    change_without_a_service(world)
    change_given_up(world)
    standard_change(world)
    release_labels(world)
    deploy_labels(world)
    review_labels(world)
    correct_targets(world)
    third_party_media(world)
    audit(world)
