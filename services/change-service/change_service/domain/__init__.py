"""The aggregates of change management and their rules: pure, without clock, input or output."""

from change_service.domain.authorization import NO_RULE, Authorization, id_of_authorization
from change_service.domain.authorization_rules import AuthorizationState, Ballot, Question, Standing
from change_service.domain.cab import CabMeeting, MeetingState
from change_service.domain.calendar import (
    CalendarWindow,
    Plan,
    PlannedEnvironment,
    ScheduleConflict,
    SchedulePlan,
    Window,
    WindowKind,
    conflicts_of,
    id_of_plan,
)
from change_service.domain.change import Change
from change_service.domain.change_rules import AUTHORIZED_STATES, FINAL, ChangeGrant, ChangeState, Content
from change_service.domain.gates import differences_to, holds_on, lineage_of
from change_service.domain.model import ChangeModel, ModelContent
from change_service.domain.people import Delegation, Group, Person, id_of_person
from change_service.domain.policy import (
    POLICY_ID,
    AuthorityPolicy,
    Inputs,
    Match,
    PolicyVersion,
    QuorumKind,
    Rule,
    Step,
    shipped_rules,
)
from change_service.domain.release import KnownRelease, id_of_known_release
from change_service.domain.values import (
    RISK_ORDER,
    CarriedChange,
    ChangeType,
    Decider,
    Gate,
    LineagePerson,
    Outcome,
    Risk,
    SubjectKind,
)
from change_service.domain.voting import Delegator, Vote, VoteKind, Voter, conflicts, electorate_of

__all__ = [
    "AUTHORIZED_STATES",
    "FINAL",
    "NO_RULE",
    "POLICY_ID",
    "RISK_ORDER",
    "AuthorityPolicy",
    "Authorization",
    "AuthorizationState",
    "Ballot",
    "CabMeeting",
    "CalendarWindow",
    "CarriedChange",
    "Change",
    "ChangeGrant",
    "ChangeModel",
    "ChangeState",
    "ChangeType",
    "Content",
    "Decider",
    "Delegation",
    "Delegator",
    "Gate",
    "Group",
    "Inputs",
    "KnownRelease",
    "LineagePerson",
    "Match",
    "MeetingState",
    "ModelContent",
    "Outcome",
    "Person",
    "Plan",
    "PlannedEnvironment",
    "PolicyVersion",
    "Question",
    "QuorumKind",
    "Risk",
    "Rule",
    "ScheduleConflict",
    "SchedulePlan",
    "Standing",
    "Step",
    "SubjectKind",
    "Vote",
    "VoteKind",
    "Voter",
    "Window",
    "WindowKind",
    "conflicts",
    "conflicts_of",
    "differences_to",
    "electorate_of",
    "holds_on",
    "id_of_authorization",
    "id_of_known_release",
    "id_of_person",
    "id_of_plan",
    "lineage_of",
    "shipped_rules",
]
