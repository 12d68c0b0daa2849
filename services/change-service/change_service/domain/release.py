"""What change management has heard about a release: the facts that can decide about its changes and authorizations."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, derived_id, event

# Releases of these kinds have no deployment, so their changes are implemented from the check-in on.
WITHOUT_DEPLOYMENT = frozenset({"media", "initial_load"})


def id_of_known_release(release_id: UUID) -> UUID:
    """Return the id of the record of what was heard about a release."""
    return derived_id(release_id, "known-release")


class KnownRelease(Aggregate):
    """A release as heard, in whatever order its facts arrived."""

    TOPIC = "change.KnownRelease"

    class Noted(Aggregate.Created):
        """Something was heard about a release for the first time."""

        release_id: UUID
        source_id: str

    class ContentNoted(Aggregate.Event):
        """The changes that a release carries were heard."""

        change_ids: tuple[UUID, ...]
        source_id: str

    class HoldNoted(Aggregate.Event):
        """A hold of a release, or its end, was heard."""

        on_hold: bool
        source_id: str

    class PhaseNoted(Aggregate.Event):
        """A release was heard to be in a phase."""

        phase: str
        implementing: bool
        source_id: str

    class WayBackNoted(Aggregate.Event):
        """A release was heard to have gone back."""

        way: str
        from_phase: str
        to_phase: str
        source_id: str

    class DeploymentNoted(Aggregate.Event):
        """A deployment of a release was heard to have started."""

        deployment_id: UUID
        source_id: str

    class EndNoted(Aggregate.Event):
        """A release was heard to be closed or cancelled."""

        how: str
        source_id: str

    @classmethod
    def note(cls, act: Act, *, release_id: UUID) -> KnownRelease:
        return cls(id=id_of_known_release(release_id), act=act, release_id=release_id, source_id=act.cause_id)

    def note_content(self, act: Act, *, change_ids: tuple[UUID, ...]) -> None:
        if change_ids != self.change_ids:
            self._content_noted(act=act, change_ids=change_ids, source_id=act.cause_id)

    def note_hold(self, act: Act, *, on_hold: bool) -> None:
        if on_hold != self.on_hold:
            self._hold_noted(act=act, on_hold=on_hold, source_id=act.cause_id)

    def note_phase(self, act: Act, *, phase: str, kind: str) -> None:
        implementing = phase == "check_in" and kind in WITHOUT_DEPLOYMENT
        if phase == self.phase and self.went_back is None:
            return
        self._phase_noted(act=act, phase=phase, implementing=implementing, source_id=act.cause_id)

    def note_way_back(self, act: Act, *, way: str, from_phase: str, to_phase: str) -> None:
        # Another way back follows only after another phase, so the same one again is the same fact.
        if self.went_back == (way, from_phase, to_phase):
            return
        self._way_back_noted(act=act, way=way, from_phase=from_phase, to_phase=to_phase, source_id=act.cause_id)

    def note_deployment(self, act: Act, *, deployment_id: UUID) -> None:
        if deployment_id not in self.deployment_ids:
            self._deployment_noted(act=act, deployment_id=deployment_id, source_id=act.cause_id)

    def note_end(self, act: Act, *, how: str) -> None:
        if self.ended is None:
            self._end_noted(act=act, how=how, source_id=act.cause_id)

    @property
    def implementing(self) -> bool:
        """True when what the release carries is being, or was, put into place and nobody went back on it.

        Deployments are heard from another service than ways back, so they are counted against each other: each way
        back out of the review undoes one deployment, whichever of the two is heard first.
        """
        return self.checked_in_for_good or len(self.deployment_ids) > self.deployments_undone

    @property
    def rescoped(self) -> bool:
        """True from a rescope until planning is entered again."""
        return self.went_back is not None and self.went_back[0] == "rescope"

    @event(Noted)
    def __init__(self, id: UUID, act: Act, release_id: UUID, source_id: str) -> None:
        self.release_id = release_id
        self.change_ids: tuple[UUID, ...] = ()
        self.on_hold = False
        self.phase = "requested"
        self.deployment_ids: tuple[UUID, ...] = ()
        self.deployments_undone = 0
        self.checked_in_for_good = False
        self.ended: str | None = None
        self.went_back: tuple[str, str, str] | None = None

    @event(ContentNoted)
    def _content_noted(self, act: Act, change_ids: tuple[UUID, ...], source_id: str) -> None:
        self.change_ids = change_ids

    @event(HoldNoted)
    def _hold_noted(self, act: Act, source_id: str, *, on_hold: bool) -> None:
        self.on_hold = on_hold

    @event(PhaseNoted)
    def _phase_noted(self, act: Act, phase: str, source_id: str, *, implementing: bool) -> None:
        self.phase = phase
        self.went_back = None
        self.checked_in_for_good = self.checked_in_for_good or implementing

    @event(WayBackNoted)
    def _way_back_noted(self, act: Act, way: str, from_phase: str, to_phase: str, source_id: str) -> None:
        # A way back out of a review that had gone back to be deployed anew undoes nothing a second time.
        undone_before = self.went_back is not None and self.went_back[2] == "review"
        self.phase = to_phase
        self.went_back = (way, from_phase, to_phase)
        self.checked_in_for_good = False
        self.deployments_undone += int(from_phase == "review" and not undone_before)

    @event(DeploymentNoted)
    def _deployment_noted(self, act: Act, deployment_id: UUID, source_id: str) -> None:
        self.deployment_ids = (*self.deployment_ids, deployment_id)

    @event(EndNoted)
    def _end_noted(self, act: Act, how: str, source_id: str) -> None:
        self.ended = how
