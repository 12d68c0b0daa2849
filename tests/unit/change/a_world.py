"""Change management with its people, as the tests of its use cases and of its API begin."""

from __future__ import annotations

from uuid import UUID

from change_service.application import PersonEntry
from change_service.domain import (
    Ballot,
    CarriedChange,
    ChangeType,
    Content,
    Inputs,
    Question,
    Risk,
    SubjectKind,
    VoteKind,
    id_of_authorization,
    shipped_rules,
)

CHANGE, RELEASE, SERVICE, MODEL = (UUID(int=n) for n in range(1, 5))
REQUEST, GATE_REQUEST, CONFIRMATION = (UUID(int=n) for n in range(11, 14))
PEOPLE = (
    PersonEntry("rita", ("requester", "release_manager"), aliases=("rita2",)),
    PersonEntry("mona", ("change_manager",)),
    PersonEntry("cora", ("change_authority", "cab_member")),
    PersonEntry("carl", ("change_authority", "cab_member", "requester")),
    PersonEntry("nora", ("change_manager", "ecab_member", "cab_member")),
    PersonEntry("tess", ("tester",), groups=("night-shift",)),
    PersonEntry("robot", ("change_authority",), machine=True),
)
NORMAL = Content("Faster", "Use the index.", ChangeType.NORMAL, Risk.LOW, (SERVICE,))


class World:
    """Change management with its people, on a store in memory."""

    def __init__(self, here):
        self.here = here
        self.do(lambda u: u.install(self.act("installation"), people=PEOPLE, rules=shipped_rules()))

    def act(self, by, *roles):
        return self.here.act(by, roles or next((p.roles for p in PEOPLE if p.person_id == by), ()))

    def do(self, use_case):
        self.here.carry_out(use_case)

    def load(self, aggregate_id):
        return self.here.store.load(aggregate_id)

    def authorization(self, request_id=REQUEST):
        return self.load(id_of_authorization(request_id))

    def change(self, content=NORMAL, by="rita"):
        self.do(lambda u: u.draft_change(self.act(by), change_id=CHANGE, content=content))
        self.do(lambda u: u.submit_change(self.act(by), change_id=CHANGE))
        self.do(lambda u: u.assess_change(self.act("mona"), change_id=CHANGE, risk=content.risk, findings=""))

    def ask(self, model_id=None):
        self.do(
            lambda u: u.request_change_authorization(
                self.act("rita"), change_id=CHANGE, request_id=REQUEST, model_id=model_id
            )
        )

    def vote(self, by, request_id=REQUEST, kind=VoteKind.APPROVE, delegate_to=None):
        authorization = self.authorization(request_id)
        ballot = Ballot(kind, "I read it", authorization.question.document_digest)
        self.do(
            lambda u: u.vote(self.act(by), authorization_id=authorization.id, ballot=ballot, delegate_to=delegate_to)
        )

    def gate(self, *gates, request_id=GATE_REQUEST, emergency=False, change_id=CHANGE, lineage=(), signed_by=None):
        change = self.load(change_id)
        digest = change.content_digest if change else "unknown"
        bound = (CarriedChange(change_id, digest),)
        question = Question(
            request_id,
            SubjectKind.GATE,
            RELEASE,
            {"scope": "s"},
            "d",
            "",
            lineage,
            RELEASE,
            gates,
            bound,
            signed_by,
            emergency,
        )
        kind = ChangeType.EMERGENCY if emergency else ChangeType.NORMAL
        inputs = Inputs(SubjectKind.GATE, kind, Risk.LOW, gates, emergency=emergency)
        self.do(lambda u: u.open_authorization(self.act("change-service"), question=question, inputs=inputs))
        return self.authorization(request_id)
