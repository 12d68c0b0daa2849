"""An environment: its place in the ladder, its nodes, what stands on each, and whether that has drifted."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, NextCommand, Unmet, event, refuse_any

from deploy_service.domain.conditions import unmet_role
from deploy_service.domain.parts import Placed

KEEPERS = ("deployer", "release_manager", "change_manager")


class Environment(Aggregate):
    """Where services are deployed: a sandbox, or a rung of the ladder."""

    TOPIC = "deploy.Environment"

    class Registered(Aggregate.Created):
        """An environment was registered, with its place in the ladder and its nodes."""

        name: str
        sandbox: bool
        rung: int
        soak_s: int
        nodes: tuple[str, ...]

    class NodeAdded(Aggregate.Event):
        """A node was added to an environment."""

        node: str

    class Occupied(Aggregate.Event):
        """A deployment took an environment for its service; no other one for it may begin there."""

        service_id: UUID
        deployment_id: UUID

    class Freed(Aggregate.Event):
        """A deployment ended, so that another one for its service may begin in the environment."""

        service_id: UUID
        deployment_id: UUID

    class PlacedOnNode(Aggregate.Event):
        """From now on this package of a service stands on a node."""

        service_id: UUID
        placed: Placed

    class RemovedFromNode(Aggregate.Event):
        """From now on nothing of a service stands on a node; `retired` when that was the release's purpose."""

        service_id: UUID
        release_id: UUID
        node: str
        retired: bool

    class DriftCheckAsked(Aggregate.Event):
        """It was asked to compare what really runs in an environment with what was authorized."""

    class DriftFound(Aggregate.Event):
        """What runs on a node differs from what was authorized."""

        node: str
        service_id: UUID
        expected: str
        found: str

    class DriftEnded(Aggregate.Event):
        """What runs on a node is again what was authorized."""

        node: str
        service_id: UUID

    @classmethod
    def register(
        cls,
        act: Act,
        *,
        environment_id: UUID,
        name: str,
        sandbox: bool,
        rung: int,
        soak_s: int,
        nodes: tuple[str, ...],
        name_taken: bool,
    ) -> Environment:
        refuse_any(unmet_for_register(act, sandbox=sandbox, rung=rung, nodes=nodes, name_taken=name_taken))
        return cls(id=environment_id, act=act, name=name, sandbox=sandbox, rung=rung, soak_s=soak_s, nodes=nodes)

    def add_node(self, act: Act, *, node: str) -> None:
        refuse_any(self.unmet_for_add_node(act, node))
        self._node_added(act=act, node=node)

    def unmet_for_add_node(self, act: Act, node: str) -> Iterator[Unmet]:
        yield from unmet_role(act, KEEPERS)
        if node in self.nodes:
            yield Unmet("node-exists", f"{self.name} has a node {node}.", source="nodes", remedy="choose another name")

    def occupy(self, act: Act, *, service_id: UUID, deployment_id: UUID) -> None:
        refuse_any(self.unmet_for_occupy(service_id, deployment_id))
        self._occupied(act=act, service_id=service_id, deployment_id=deployment_id)

    def unmet_for_occupy(self, service_id: UUID, deployment_id: UUID) -> Iterator[Unmet]:
        other = self.occupied_by.get(service_id, deployment_id)
        if other != deployment_id:
            yield Unmet(
                "environment-occupied",
                f"Another deployment for this service runs in {self.name}.",
                source=f"deployment {other}",
                remedy="wait for its end, or back it out",
            )

    def free(self, act: Act, *, service_id: UUID, deployment_id: UUID) -> None:
        """Free the environment of a deployment that ended; does nothing when it was not occupied by it."""
        if self.occupied_by.get(service_id) == deployment_id:
            self._freed(act=act, service_id=service_id, deployment_id=deployment_id)

    def place(self, act: Act, *, service_id: UUID, placed: tuple[Placed, ...]) -> None:
        """Keep what stands on these nodes from now on."""
        for each in placed:
            self._placed_on_node(act=act, service_id=service_id, placed=each)

    def remove(self, act: Act, *, service_id: UUID, release_id: UUID, nodes: tuple[str, ...], retired: bool) -> None:
        """Keep that nothing of a service stands on these nodes any more."""
        for node in nodes:
            self._removed_from_node(act=act, service_id=service_id, release_id=release_id, node=node, retired=retired)

    def restore(
        self, act: Act, *, service_id: UUID, release_id: UUID, nodes: tuple[str, ...], restored: tuple[Placed, ...]
    ) -> None:
        """Keep what stands on these nodes after a back-out: what was restored, and nothing on the others."""
        self.place(act, service_id=service_id, placed=restored)
        emptied = tuple(node for node in nodes if node not in {placed.node for placed in restored})
        self.remove(act, service_id=service_id, release_id=release_id, nodes=emptied, retired=False)

    def ask_drift_check(self, act: Act) -> None:
        """Ask to compare what really runs with what was authorized."""
        refuse_any(unmet_role(act, (*KEEPERS, "auditor")))
        self._drift_check_asked(act=act)

    def begin_drift_check(self, act: Act) -> None:
        """Ask for the comparison because its time came."""
        self._drift_check_asked(act=act)

    def record_inspection(self, act: Act, *, node: str, service_id: UUID, found: str) -> None:
        """Keep what was found on a node. Does nothing while a deployment works there, or when it is known already."""
        placed = self.standing(service_id, node)
        if placed is None or service_id in self.occupied_by:
            return
        known = self.drift.get(f"{service_id}/{node}")
        if found == placed.manifest_digest:
            if known is not None:
                self._drift_ended(act=act, node=node, service_id=service_id)
        elif found != known:
            self._drift_found(act=act, node=node, service_id=service_id, expected=placed.manifest_digest, found=found)

    def standing(self, service_id: UUID, node: str) -> Placed | None:
        """Return what stands on a node for a service."""
        return self.placed.get(f"{service_id}/{node}")

    def standing_on(self, service_id: UUID, nodes: tuple[str, ...]) -> tuple[Placed, ...]:
        """Return what stands on these nodes for a service."""
        return tuple(p for node in nodes if (p := self.standing(service_id, node)) is not None)

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Say what can be done with this environment next."""
        return (
            NextCommand("add_node", KEEPERS, tuple(self.unmet_for_add_node(act, ""))),
            NextCommand("ask_drift_check", (*KEEPERS, "auditor"), tuple(unmet_role(act, (*KEEPERS, "auditor")))),
        )

    # What each event does to the state.

    @event(Registered)
    def __init__(
        self, *, id: UUID, act: Act, name: str, sandbox: bool, rung: int, soak_s: int, nodes: tuple[str, ...]
    ) -> None:
        self.name = name
        self.sandbox = sandbox
        self.rung = rung
        self.soak_s = soak_s
        self.nodes = nodes
        self.occupied_by: dict[UUID, UUID] = {}
        self.placed: dict[str, Placed] = {}
        self.drift: dict[str, str] = {}

    @event(NodeAdded)
    def _node_added(self, act: Act, node: str) -> None:
        self.nodes = (*self.nodes, node)

    @event(Occupied)
    def _occupied(self, act: Act, service_id: UUID, deployment_id: UUID) -> None:
        self.occupied_by[service_id] = deployment_id

    @event(Freed)
    def _freed(self, act: Act, service_id: UUID, deployment_id: UUID) -> None:
        self.occupied_by.pop(service_id, None)

    @event(PlacedOnNode)
    def _placed_on_node(self, act: Act, service_id: UUID, placed: Placed) -> None:
        self.placed[f"{service_id}/{placed.node}"] = placed
        self.drift.pop(f"{service_id}/{placed.node}", None)

    @event(RemovedFromNode)
    def _removed_from_node(self, *, act: Act, service_id: UUID, release_id: UUID, node: str, retired: bool) -> None:
        self.placed.pop(f"{service_id}/{node}", None)
        self.drift.pop(f"{service_id}/{node}", None)

    @event(DriftCheckAsked)
    def _drift_check_asked(self, act: Act) -> None:
        self.checked_at = act.at

    @event(DriftFound)
    def _drift_found(self, act: Act, node: str, service_id: UUID, expected: str, found: str) -> None:
        self.drift[f"{service_id}/{node}"] = found

    @event(DriftEnded)
    def _drift_ended(self, act: Act, node: str, service_id: UUID) -> None:
        self.drift.pop(f"{service_id}/{node}", None)


def unmet_for_register(
    act: Act, *, sandbox: bool, rung: int, nodes: tuple[str, ...], name_taken: bool
) -> Iterator[Unmet]:
    """Say why an environment cannot be registered like this."""
    yield from unmet_role(act, KEEPERS)
    if name_taken:
        yield Unmet("name-taken", "Another environment has this name.", source="name", remedy="choose another name")
    if sandbox != (rung == 0):
        yield Unmet(
            "rung", "A sandbox has rung 0; the ladder begins with rung 1.", source="rung", remedy="give the other rung"
        )
    if not nodes:
        yield Unmet("no-nodes", "An environment has at least one node.", source="nodes", remedy="name its nodes")
    if len(set(nodes)) < len(nodes):
        yield Unmet("node-twice", "A node is named twice.", source="nodes", remedy="name each node once")
