"""The addresses of the console, and what is answered at each: a page, a part of one, a way to sign in, a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from fourgates.chassis.http import CallFactory, PathId, Problem, QueryInt
from fourgates.chassis.store import STORE_AWAY
from fourgates.chassis.work import NotFound

from operations_service.api.console.assets import ASSETS
from operations_service.api.console.live import Part, follow_part, moves_board, moves_release
from operations_service.api.console.pages import Pages
from operations_service.api.console.session import (
    TOKEN_CHARS_MAX,
    NotSignedIn,
    Session,
    Sessions,
    check_same_site,
    read_form,
)
from operations_service.api.following import EventStream, Followers
from operations_service.api.stream import still_valid
from operations_service.application import OperationsUseCases, SignIn, SignInAway, SignInRefused
from operations_service.settings import OperationsSettings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# With no referrer at all a browser would not say from where a form was sent.
_HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
_UNKNOWN = "There is no such release here. It may have been opened only now: look at the board in a moment."
OfRelease = Annotated[UUID | None, Query()]
PageNumber = Annotated[QueryInt, Query(ge=1, le=100_000)]
Handler = Callable[[], Awaitable[Response]]


class Console:
    """Answers for people: every failure is a page that says what to do."""

    def __init__(
        self,
        caller: CallFactory[OperationsUseCases],
        settings: OperationsSettings,
        followers: Followers,
        *,
        sign_in: SignIn,
        names: Mapping[str, str],
    ) -> None:
        self._caller = caller
        self._settings = settings
        self._followers = followers
        self._sign_in = sign_in
        self._sessions = Sessions(caller)
        self._pages = Pages(caller.views, settings, names)

    async def show(
        self, request: Request, make: Callable[[str, Session], str], *, release_id: UUID | None = None
    ) -> Response:
        """Return a page for whoever has signed in, else the way to sign in."""

        async def shown() -> Response:
            try:
                session = await self._sessions.of(request)
            except NotSignedIn:
                asked = f"?release={release_id}" if release_id else ""
                return _see(f"{root_of(request)}/sign-in{asked}")
            return _html(await run_in_threadpool(make, root_of(request), session))

        return await self._guarded(request, shown)

    async def board(self, request: Request) -> Response:
        """Return the board."""
        return await self.show(
            request, lambda root, session: self._pages.board(root, subject=session.principal.subject)
        )

    async def release(self, request: Request, release_id: UUID, page: int) -> Response:
        """Return a release with its history."""

        def make(root: str, session: Session) -> str:
            return self._pages.release(root, release_id, subject=session.principal.subject, page=page)

        return await self.show(request, make, release_id=release_id)

    async def board_live(self, request: Request) -> Response:
        """Send the board whenever it changes."""
        return await self._live(request, partial(self._pages.board_part, root_of(request)), moves_board)

    async def release_live(self, request: Request, release_id: UUID) -> Response:
        """Send a release and its history whenever they change."""
        make = partial(self._pages.release_part, root_of(request), release_id)
        await run_in_threadpool(make)
        return await self._live(request, make, partial(moves_release, str(release_id)))

    async def _live(self, request: Request, make: Callable[[], str], moves: Callable[..., Any]) -> Response:
        """Send a part of a page. The cookie counts, because a browser can send nothing else; errors are no pages."""
        try:
            session = await self._sessions.of(request)
        except NotSignedIn as error:
            raise Problem("unauthenticated", "Sign in again.") from error
        follower = self._followers.begin()
        part = Part(
            self._caller.views,
            make=make,
            moves=moves,
            batch_max=self._settings.stream_batch_max,
            may_go_on=still_valid(self._caller.verifier, session.token),
        )
        events: AsyncGenerator[bytes] = follow_part(follower, part, ping_s=self._settings.stream_ping_s)
        return EventStream(follower, events, send_s=self._settings.stream_send_s)

    async def ask_to_sign_in(self, request: Request, release_id: UUID | None) -> Response:
        """Return the page for signing in; who has done so already goes on."""

        async def shown() -> Response:
            told = ""
            try:
                await self._sessions.of(request)
            except NotSignedIn as error:
                told = "Your session has ended. Sign in again." if error.ended else ""
            else:
                return _see(_behind(root_of(request), release_id))
            return _html(self._pages.sign_in(root_of(request), told=told, release_id=release_id))

        return await self._guarded(request, shown)

    async def sign_in(self, request: Request) -> Response:
        """Begin a session for who has the right secret."""

        async def begun() -> Response:
            check_same_site(request)
            form = await read_form(request)
            root, release_id = root_of(request), _id(form.get("release", ""))
            username = form.get("username", "").strip()
            told = partial(self._pages.sign_in, root, username=username[:200], release_id=release_id)
            try:
                token = await run_in_threadpool(self._sign_in.token_for, username, form.get("secret", ""))
            except SignInRefused as refused:
                return _html(told(told=refused.reason), status=403)
            except SignInAway as away:
                return _html(told(told=str(away)), status=503)
            if len(token) > TOKEN_CHARS_MAX:
                return _html(told(told="Your token is too long for a cookie: ask for fewer roles."), status=403)
            response = _see(_behind(root, release_id))
            self._sessions.begin(request, response, token)
            return response

        return await self._guarded(request, begun)

    async def sign_out(self, request: Request) -> Response:
        """End the session."""

        async def ended() -> Response:
            check_same_site(request)
            response = _see(f"{root_of(request)}/sign-in")
            self._sessions.end(request, response)
            return response

        return await self._guarded(request, ended)

    async def nothing(self, request: Request) -> Response:
        """Say that there is no such page."""

        async def missing() -> Response:
            raise Problem("not-found", "There is no such page. The board shows all releases.")

        return await self._guarded(request, missing)

    async def _guarded(self, request: Request, handler: Handler) -> Response:
        try:
            return await handler()
        except NotFound:
            problem = Problem("not-found", _UNKNOWN)
        except STORE_AWAY:
            problem = Problem("unavailable", "The store cannot be asked now. Load the page again in a moment.")
        except Problem as raised:
            problem = raised
        page = self._pages.problem(root_of(request), title=problem.type.title, detail=problem.detail)
        return _html(page, status=problem.type.status)


def console_routes(console: Console) -> APIRouter:
    """Return the routes of the console; they are for people, and no part of the API."""
    router = APIRouter(prefix="/console", include_in_schema=False)
    _add_pages(router, console)
    _add_session(router, console)

    @router.get("/static/{name:path}")
    async def file(name: str) -> Response:
        asset = ASSETS.get(name)
        if asset is None:
            raise Problem("not-found")
        cached = "public, max-age=31536000, immutable" if asset.for_ever else "no-cache"
        return FileResponse(asset.path, media_type=asset.media_type, headers={"Cache-Control": cached})

    @router.get("/{rest:path}")
    async def nothing(request: Request, rest: str) -> Response:  # noqa: ARG001 - the path that leads nowhere
        return await console.nothing(request)

    return router


def _add_pages(router: APIRouter, console: Console) -> None:
    @router.get("")
    async def bare(request: Request) -> Response:
        return _see(f"{root_of(request)}/")

    @router.get("/")
    async def board(request: Request) -> Response:
        return await console.board(request)

    @router.get("/live")
    async def board_live(request: Request) -> Response:
        return await console.board_live(request)

    @router.get("/releases/{release_id}")
    async def release(request: Request, release_id: str, page: PageNumber = 1) -> Response:
        found = _id(release_id)
        return await (console.release(request, found, page) if found else console.nothing(request))

    @router.get("/releases/{release_id}/live")
    async def release_live(request: Request, release_id: PathId) -> Response:
        return await console.release_live(request, release_id)


def _add_session(router: APIRouter, console: Console) -> None:
    @router.get("/sign-in")
    async def ask_to_sign_in(request: Request, release: OfRelease = None) -> Response:
        return await console.ask_to_sign_in(request, release)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        return await console.sign_in(request)

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        return await console.sign_out(request)


def root_of(request: Request) -> str:
    """Return where the console is, as the browser sees it."""
    return f"{str(request.scope.get('root_path', '')).rstrip('/')}/console"


def _behind(root: str, release_id: UUID | None) -> str:
    """Return where to go after signing in: never anywhere but to a page of ours."""
    return f"{root}/releases/{release_id}" if release_id else f"{root}/"


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _html(page: str, *, status: int = 200) -> Response:
    return HTMLResponse(page, status, headers=_HEADERS)


def _see(address: str) -> Response:
    return RedirectResponse(address, 303, headers=_HEADERS)
