"""Read models of deployment, and the queries over them."""

from deploy_service.views.facts import (
    facts_for_deployment,
    facts_for_rehearsal,
    facts_to_go_on_rehearsing,
    known_environment,
    known_environments,
    what_runs_today,
)
from deploy_service.views.heard import HEARD_VIEWS
from deploy_service.views.own import OWN_VIEWS
from deploy_service.views.projecting import ALL

VIEWS = (*OWN_VIEWS, *HEARD_VIEWS)

__all__ = [
    "ALL",
    "VIEWS",
    "facts_for_deployment",
    "facts_for_rehearsal",
    "facts_to_go_on_rehearsing",
    "known_environment",
    "known_environments",
    "what_runs_today",
]
