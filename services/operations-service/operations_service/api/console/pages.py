"""What the pages show: the board of releases by phase, one release with its history, and what went wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from fourgates.chassis.views import Row, Views
from fourgates.chassis.work import NotFound
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from operations_service.api.console.assets import ASSETS
from operations_service.api.console.words import happened, moment, name_of, plain
from operations_service.settings import OperationsSettings
from operations_service.views import ENDED, PHASES, PROGRESS, history, last_place, releases_in, service_names

_TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """Makes the pages and the parts of them that change, from the read models. Safe in any thread."""

    def __init__(self, views: Views, settings: OperationsSettings, names: Mapping[str, str]) -> None:
        self._views = views
        self._settings = settings
        self._names = names
        # Every text is escaped, unless a template says otherwise; none does.
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"moment": moment, "plain": plain}
        self._board_lock = threading.Lock()
        self._board: tuple[str, int, str] | None = None

    def sign_in(self, root: str, *, told: str = "", username: str = "", release_id: UUID | None = None) -> str:
        """Return the page for signing in."""
        return self._page("sign_in.html", root, told=told, username=username, release_id=release_id)

    def problem(self, root: str, *, title: str, detail: str) -> str:
        """Return the page that tells what went wrong, and what to do."""
        return self._page("problem.html", root, title=title, detail=detail)

    def board(self, root: str, *, subject: str) -> str:
        """Return the page of the board."""
        return self._page("board.html", root, subject=self.name(subject), **self._columns())

    def board_part(self, root: str) -> str:
        """Return the board itself; it is made once for all who look at the same moment."""
        with self._board_lock:
            place = last_place(self._views)
            if self._board is None or self._board[:2] != (root, place):
                self._board = (root, place, self._part("_board.html", root, **self._columns()))
            return self._board[2]

    def release(self, root: str, release_id: UUID, *, subject: str, page: int = 1) -> str:
        """Return one page of a release's history. Raises `NotFound`."""
        return self._page("release.html", root, subject=self.name(subject), **self._history(release_id, page))

    def release_part(self, root: str, release_id: UUID) -> str:
        """Return a release and the newest of its history. Raises `NotFound`."""
        return self._part("_release.html", root, **self._history(release_id, 1))

    def name(self, subject: str) -> str:
        """Return the name of a person, as far as it is known here."""
        return name_of(subject, self._names)

    def _history(self, release_id: UUID, page: int) -> dict[str, Any]:
        facts = history(self._views, str(release_id), self._settings.history_max)
        size = self._settings.console_history_max
        shown = facts[::-1][(page - 1) * size : page * size]
        if not shown:
            raise NotFound("Release", release_id)
        row = self._views.get("releases", str(release_id))
        release = next(self._cards([row] if row else []), None)
        return {
            "release_id": release_id,
            "release": release,
            "title": release["title"] if release else f"Release {release_id}",
            "progress": PROGRESS,
            "facts": [happened(fact, self._names, release_id=str(release_id)) for fact in shown],
            "page": page,
            "pages": -(-len(facts) // size),
        }

    def _columns(self) -> dict[str, Any]:
        limit, ended_max = self._settings.board_max, self._settings.console_ended_max
        going = list(self._cards(releases_in(self._views, PROGRESS, limit)))
        ended = list(self._cards(releases_in(self._views, ENDED, ended_max)))
        cards = sorted((*going, *ended), key=lambda card: card["last_at"], reverse=True)
        columns = [(phase, [card for card in cards if card["phase"] == phase]) for phase in PHASES]
        return {"columns": columns, "latest": cards[0] if cards else None, "ended": ENDED, "ended_max": ended_max}

    def _cards(self, rows: list[Row]) -> Iterator[dict[str, Any]]:
        services = service_names(self._views, {row["service_id"] for row in rows})
        for row in rows:
            service = services.get(row["service_id"], f"service {row['service_id'][-8:]}")
            asked = row["requested_by"]
            yield {
                **row,
                "id": row["key"],
                "title": f"{service} {row['version'] or ''}".strip(),
                "requested_by": self.name(asked) if asked else None,
            }

    def _page(self, template: str, root: str, **told: Any) -> str:
        return self._part(template, root, **{"subject": None, "assets": ASSETS, **told})

    def _part(self, template: str, root: str, **told: Any) -> str:
        return self._templates.get_template(template).render(root=root, **told)
