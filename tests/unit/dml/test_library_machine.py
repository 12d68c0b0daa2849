"""Any order of commands on a library: what is definitive never changes, and nothing else is handed out."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from dml_service.domain import CheckOut, DefinitiveName, MediaItem, MediaState, Medium, Wanted, item_id_of, name_id_of
from fourgates.chassis.aggregate import Refused, refuse_any
from fourgates.chassis.testing import an_act, replayed
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

RELEASE = UUID(int=1)
BUILDS = st.sampled_from([UUID(int=number) for number in (11, 12)])
CONTENTS = st.sampled_from(
    [
        Medium(name=name, version="1", sha256=letter * 64, size_bytes=1, kind="wheel")
        for name in ("alpha", "beta")
        for letter in "ab"
    ]
)
EVERYBODY = an_act(
    "someone", roles=("change_manager", "change_authority", "release_manager", "builder"), on_behalf_of=None
)
BUILDER = an_act("dml-service", on_behalf_of="ben")
KEPT = {MediaState.DEFINITIVE, MediaState.QUARANTINED, MediaState.WITHDRAWN, MediaState.ARCHIVED}


class Library(RuleBasedStateMachine):
    """Rules are commands; what was once true about the library is remembered apart from it."""

    def __init__(self):
        super().__init__()
        self.items: dict[UUID, MediaItem] = {}
        self.names: dict[UUID, DefinitiveName] = {}
        self.contents: dict[tuple[str, str], str] = {}
        self.loaded: set[UUID] = set()
        self.archived: set[UUID] = set()

    def item(self, medium):
        return self.items.get(item_id_of(medium.name, medium.version, medium.sha256))

    @rule(medium=CONTENTS, build_id=BUILDS)
    def record(self, medium, build_id):
        item = self.item(medium)
        if item is None:
            item = MediaItem.record(BUILDER, medium=medium, release_id=RELEASE, build_id=build_id)
            self.items[item.id] = item
        else:
            item.record_again(BUILDER, release_id=RELEASE, build_id=build_id)

    @rule(medium=CONTENTS, build_id=BUILDS)
    def discard(self, medium, build_id):
        if item := self.item(medium):
            item.discard(BUILDER, build_id=build_id)

    @rule(medium=CONTENTS, build_id=BUILDS, loaded=st.booleans())
    def check_in(self, medium, build_id, loaded):
        item = self.item(medium)
        name = self.names.get(name_id_of(medium.name, medium.version))
        if item is None:
            return
        was = item.state
        try:
            refuse_any(name.unmet_for_binding(medium) if name else ())
            item.check_in(
                BUILDER,
                release_id=RELEASE,
                build_id=build_id,
                size_bytes=1,
                stored_bytes=1,
                authorization_id=UUID(int=9),
                document_digest="d" * 64,
                loaded=loaded,
            )
        except Refused:
            return
        assert was in {MediaState.CANDIDATE, MediaState.DEFINITIVE}
        if name is None:
            name = DefinitiveName.bind(BUILDER, medium=medium)
            self.names[name.id] = name
        known = self.contents.setdefault((medium.name, medium.version), medium.sha256)
        assert known == medium.sha256
        if item.loaded:
            self.loaded.add(item.id)

    @rule(medium=CONTENTS, what=st.sampled_from(["quarantine", "clear", "withdraw", "archive"]))
    def command(self, medium, what):
        if item := self.item(medium):
            with suppress(Refused):
                getattr(item, what)(EVERYBODY, reason="because")
            if item.state is MediaState.ARCHIVED:
                self.archived.add(item.id)

    @rule(medium=CONTENTS)
    def supersede(self, medium):
        if item := self.item(medium):
            item.supersede(BUILDER, release_id=RELEASE)

    @rule(medium=CONTENTS)
    def revoke(self, medium):
        if item := self.item(medium):
            item.quarantine_by_revocation(BUILDER, authorization_id=UUID(int=9), reason="revoked")

    @rule(wanted=st.lists(CONTENTS, min_size=1, max_size=3))
    def check_out(self, wanted):
        found = [(medium, self.item(medium)) for medium in wanted]
        asked = tuple(Wanted(str(m), m if item else None, item.state if item else None) for m, item in found)
        allowed = all(item is not None and item.state is MediaState.DEFINITIVE for _, item in found)
        try:
            CheckOut.take(EVERYBODY, check_out_id=UUID(int=5), wanted=asked, release_id=None, purpose="build")
        except Refused as refusal:
            assert not allowed
            named = {unmet.source for unmet in refusal.unmet}
            assert named == {
                f"/items/{n}"
                for n, (_, item) in enumerate(found)
                if item is None or item.state is not MediaState.DEFINITIVE
            }
        else:
            assert allowed

    @invariant()
    def what_is_in_the_library_stays_as_it_was_checked_in(self):
        for (name, version), sha256 in self.contents.items():
            item = self.items[item_id_of(name, version, sha256)]
            assert item.medium.sha256 == sha256
            assert item.state in KEPT

    @invariant()
    def one_name_and_version_has_one_content(self):
        kept = [(i.medium.name, i.medium.version) for i in self.items.values() if i.state in KEPT]
        assert len(kept) == len(set(kept))

    @invariant()
    def a_load_is_marked_for_ever_and_an_archive_is_final(self):
        assert all(self.items[item_id].loaded for item_id in self.loaded)
        assert all(self.items[item_id].state is MediaState.ARCHIVED for item_id in self.archived)

    @invariant()
    def replay_equals_live(self):
        for aggregate in (*self.items.values(), *self.names.values()):
            assert state_of(replayed(aggregate)) == state_of(aggregate)

    @invariant()
    def every_state_but_the_archive_has_a_way_out(self):
        for item in self.items.values():
            if item.state in {MediaState.DEFINITIVE, MediaState.QUARANTINED, MediaState.WITHDRAWN}:
                assert any(command.possible for command in item.next(EVERYBODY))


def state_of(aggregate):
    return {name: value for name, value in vars(aggregate).items() if name != "_pending_events"}


TestLibrary = Library.TestCase
TestLibrary.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
