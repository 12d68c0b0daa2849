"""A name and version in the library, and the only content that it will ever have."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, event

from dml_service.domain.media import Medium, item_id_of, name_id_of


class DefinitiveName(Aggregate):
    """A name and version in the library, bound for ever to one content; its id follows from both."""

    TOPIC = "dml.DefinitiveName"

    class Bound(Aggregate.Created):
        """A name and version got its content, the only one it will ever have."""

        name: str
        media_version: str
        sha256: str

    @classmethod
    def bind(cls, act: Act, *, medium: Medium) -> DefinitiveName:
        """Bind the name and version of a medium to its content."""
        name_id = name_id_of(medium.name, medium.version)
        return cls(id=name_id, act=act, name=medium.name, media_version=medium.version, sha256=medium.sha256)

    def unmet_for_binding(self, medium: Medium) -> Iterator[Unmet]:
        """Yield why this name cannot have the content of a medium."""
        if medium.sha256 != self.sha256:
            yield Unmet(
                "name-has-other-content",
                f"{medium} is in the library with sha256 {self.sha256}; it never gets a second content.",
                source=f"definitive_name:{self.id}",
                remedy="rebuild under a new version",
            )

    @property
    def item_id(self) -> UUID:
        """The media item that holds the content."""
        return item_id_of(self.name, self.media_version, self.sha256)

    @event(Bound)
    def __init__(self, id: UUID, act: Act, name: str, media_version: str, sha256: str) -> None:
        self.name = name
        self.media_version = media_version
        self.sha256 = sha256
