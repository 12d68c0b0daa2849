"""The read models of change management, and the queries over them."""

from fourgates.chassis.views import View

from change_service.views.authorizations import (
    AUTHORIZATIONS,
    OPEN,
    POLICY_VERSIONS,
    authorizations_of_release,
    due_authorizations,
    due_escalations,
    open_authorizations,
)
from change_service.views.calendar import CAB_MEETINGS, SCHEDULE, active_plans, active_windows, all_active_plans
from change_service.views.changes import CHANGE_MODELS, CHANGES, MODEL_USES
from change_service.views.people import GROUPS, PEOPLE, kin_of, person_of, voter_at, voters_at
from change_service.views.plain import plain

__all__ = [
    "OPEN",
    "VIEWS",
    "active_plans",
    "active_windows",
    "all_active_plans",
    "authorizations_of_release",
    "due_authorizations",
    "due_escalations",
    "kin_of",
    "open_authorizations",
    "person_of",
    "plain",
    "voter_at",
    "voters_at",
]

VIEWS: tuple[View, ...] = (
    CHANGES,
    CHANGE_MODELS,
    MODEL_USES,
    AUTHORIZATIONS,
    POLICY_VERSIONS,
    PEOPLE,
    GROUPS,
    SCHEDULE,
    CAB_MEETINGS,
)
