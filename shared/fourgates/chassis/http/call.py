"""One authenticated request: the use case that is carried out for whoever asks, and the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, cast
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from typing_extensions import TypeVar

from fourgates.chassis.aggregate import Act, Aggregate, Forbidden, Refused
from fourgates.chassis.http import parsing, reading
from fourgates.chassis.http.operation import limited
from fourgates.chassis.http.problems import Problem, problem_response, refusal, request_id
from fourgates.chassis.http.replay import Remembered
from fourgates.chassis.http.written import PRIVATE, Body, Result, Written, rendered
from fourgates.chassis.identity import Principal
from fourgates.chassis.memory import NotAtOnce
from fourgates.chassis.views import Row, Views
from fourgates.chassis.work import Conflict, NotFound, Work

if TYPE_CHECKING:
    from fourgates.chassis.http.callers import CallFactory

U = TypeVar("U", default=Any)
A = TypeVar("A", bound=Aggregate)


class Call(Generic[U]):
    """One request by one principal. An endpoint gives it a use case, or asks it to show something."""

    def __init__(
        self,
        caller: CallFactory[U],
        request: Request,
        principal: Principal,
        *,
        body: bytes,
        memory: Remembered | None,
        limit_bytes: int,
    ) -> None:
        self._caller = caller
        self._memory = memory
        self._limit_bytes = limit_bytes
        self._now = caller.clock.now()
        self._ids: list[UUID] = []
        self._ids_used = 0
        self.request = request
        self.principal = principal
        self.body = body
        self.if_match: parsing.Tags | None = None
        self.if_none_match: parsing.Tags | None = None
        self.positions = caller.positions
        self._at_once = False

    @property
    def views(self) -> Views:
        """The read models, caught up to the log at each question. Raises `NotAtOnce` where nothing may wait."""
        if self._at_once:
            raise NotAtOnce("read models")
        return self._caller.views

    # Who, when and why.

    def act(self, why: str = "") -> Act:
        """Return the act of this request: by the subject of the token, now."""
        cause = request_id(self.request)
        return Act(
            by=self.principal.subject,
            at=self._now,
            why=why,
            cause_id=cause,
            correlation_id=cause,
            roles=self.principal.roles,
            machine=self.principal.machine,
        )

    def new_id(self) -> UUID:
        """Return a new id; when the use case is decided again, it gets the same ids in the same order."""
        if self._ids_used == len(self._ids):
            self._ids.append(self._caller.ids.new())
        self._ids_used += 1
        return self._ids[self._ids_used - 1]

    def machines_only(self) -> None:
        """Refuse what people have no use for. Raises the 403 problem unless a machine account asks."""
        if not self.principal.machine:
            unmet = Forbidden(
                "machines-only",
                "Only machine accounts may ask for this.",
                source="token",
                remedy="ask with the token of a machine account",
                person=self.principal.subject,
            )
            refused = Refused((unmet,))
            self._note(refused)
            raise refused

    # Commands.

    async def command(
        self,
        use_case: Callable[[U], Result],
        present: Callable[[Result], Body],
        *,
        status: int = 200,
        location: Callable[[Result], str] | None = None,
        if_match: bool = False,
        waits: bool = False,
    ) -> Response:
        """Carry out a use case in one transaction, and return the answer that is kept with it.

        It is decided at once, on what is in memory, if it can be; else, and whenever it is refused or somebody else was
        first, in a thread on what is stored. There it is decided again when someone else was first. `present` sees the
        aggregate before the commit. With `if_match` the caller must name the version that was read. A use case that
        waits for anything but aggregates and read models, or computes for long, says so by `waits`.
        """
        written = Written(present=present, status=status, location=location, if_match=if_match)
        mark = self._ids_used
        if not waits:
            response = await self._decide_at_once(use_case, written, mark)
            if response is not None:
                return response
            self._now = self._caller.clock.now()
        return await run_in_threadpool(self._carry_out, use_case, written, mark)

    def command_in_thread(
        self,
        use_case: Callable[[U], Result],
        present: Callable[[Result], Body],
        *,
        status: int = 200,
        location: Callable[[Result], str] | None = None,
    ) -> Response:
        """Carry out a use case as `command` does, for an endpoint that runs in a thread."""
        written = Written(present=present, status=status, location=location, if_match=False)
        return self._carry_out(use_case, written, self._ids_used)

    async def _decide_at_once(
        self, use_case: Callable[[U], Result], written: Written[Result], mark: int
    ) -> Response | None:
        """Decide and store without a thread; return None when that cannot be done, or is refused."""

        def decide(work: Work) -> tuple[Response, UUID | None]:
            self._ids_used = mark
            self._at_once = True
            try:
                return self._response(work, use_case, written)
            finally:
                self._at_once = False

        memory = self._caller.memory
        try:
            work, (response, about) = await memory.decide(decide)
            await memory.store(work, reply=self._reply(response))
        except (NotAtOnce, Refused, NotFound, Problem, Conflict):
            return None
        if work.reached:
            return self.positions.tell(response, work.reached, about)
        return await run_in_threadpool(self.positions.tell, response, work.reached, about)

    def _carry_out(self, use_case: Callable[[U], Result], written: Written[Result], mark: int) -> Response:
        kept = self.replay()
        if kept is not None:
            return kept
        try:
            return self._decide(use_case, written, mark)
        except Refused as refused:
            self._note(refused)
            problem = refusal(refused)
        except NotFound:
            problem = Problem("not-found")
        except Problem as raised:
            if raised.type.status not in {404, 409, 412} or raised.type.slug == "concurrent-change":
                raise
            problem = raised
        return self._kept(problem_response(self.request, problem))

    def _decide(self, use_case: Callable[[U], Result], written: Written[Result], mark: int) -> Response:
        for attempt in range(self._caller.settings.conflict_retries_max + 1):
            if attempt:
                # A later decision is made later: what it answers to may have happened in between.
                self._now = self._caller.clock.now()
            self._ids_used = mark
            work = self._caller.units.open()
            try:
                with self._caller.views.one_look():
                    response, about = self._response(work, use_case, written)
                self._caller.units.commit(work, reply=self._reply(response))
            except Conflict:
                kept = self.replay()
                if kept is not None:
                    return kept
            else:
                return self.positions.tell(response, work.reached, about)
        raise Problem("concurrent-change", headers={"Retry-After": "1"})

    def _response(
        self, work: Work, use_case: Callable[[U], Result], written: Written[Result]
    ) -> tuple[Response, UUID | None]:
        """Decide, and return the answer that holds if this is stored, and what it is about."""
        target = self._target()
        found = work.find(Aggregate, target) if target else None
        if found is not None:
            self._check_version(found.version, required=written.if_match)
        result = use_case(self._caller.use_cases(work))
        if found is None and result is not None:
            self._check_version(result.version - len(result.pending_events), required=written.if_match)
        response = written.response(result, self.request.scope.get("root_path", ""))
        return response, result.id if result is not None else None

    def _target(self) -> UUID | None:
        """Return the id of the thing that the path is about: the first one in it."""
        for value in self.request.path_params.values():
            if isinstance(value, UUID):
                return value
            try:
                return UUID(str(value))
            except ValueError:
                continue
        return None

    def _check_version(self, version: int, *, required: bool) -> None:
        tags = self.if_match
        if tags is None:
            if required:
                raise Problem("version-required")
        elif not tags.any and str(version) not in tags.strong:
            raise Problem("stale", current_etag=f'"{version}"')

    def _note(self, refused: Refused) -> None:
        self._caller.security_log.record(
            kind="forbidden" if refused.forbidden else "refused",
            at=self._now,
            principal=self.principal.subject,
            path=f"{self.request.method} {self.request.scope['path']}",
            rule=" ".join(refused.codes),
            detail="; ".join(u.detail for u in refused.unmet),
        )

    # The same request sent twice.

    def replay(self) -> Response | None:
        """Return the first answer to this request, if it was sent before. Raises the 422 problem for another body."""
        if self._memory is None:
            return None
        kept = self._caller.units.find_reply(self._memory.scope, self._caller.clock.now())
        return None if kept is None else self.positions.tell_again(self._memory.replayed(kept), self._target())

    def _reply(self, response: Response) -> Any:
        if self._memory is None:
            return None
        lasts = timedelta(hours=self._caller.settings.idempotency_hours)
        now = self._caller.clock.now()
        return self._memory.reply(response, kept_at=now, expires_at=now + lasts)

    def _kept(self, response: Response) -> Response:
        reply = self._reply(response)
        if reply is not None:
            try:
                self._caller.units.keep(reply)
            except Conflict:
                return self.replay() or response
        return response

    # Questions.

    def get(self, cls: type[A], aggregate_id: UUID) -> A:
        """Return an aggregate to look at. Raises `NotFound`, which is answered by a 404."""
        return self._caller.units.open().get(cls, aggregate_id)

    async def show(
        self, cls: type[A], aggregate_id: UUID, present: Callable[[A], Body], *, waits: bool = False
    ) -> Response:
        """Return one thing with its version as ETag, 304 when the caller has it already, 404 when there is none.

        `waits` says that `present` asks the read models.
        """

        def shown(found: Aggregate | None) -> Response:
            if not isinstance(found, cls):
                raise NotFound(cls.__name__, aggregate_id)
            self._at_once = True
            try:
                return self._shown(found, present)
            finally:
                self._at_once = False

        if not waits:
            with suppress(NotAtOnce):
                return await self._caller.memory.look(aggregate_id, shown)
        return await run_in_threadpool(lambda: self._shown(self.get(cls, aggregate_id), present))

    def _shown(self, aggregate: A, present: Callable[[A], Body]) -> Response:
        headers = {**PRIVATE, "ETag": f'"{aggregate.version}"'}
        tags = self.if_none_match
        if tags is not None and (tags.any or str(aggregate.version) in tags.strong + tags.weak):
            return Response(status_code=304, headers=headers)
        return rendered(present(aggregate), headers=headers)

    def answer(self, body: Body, *, status: int = 200) -> Response:
        """Return any other answer."""
        return rendered(body, status=status, headers=PRIVATE)

    def next(self, cls: type[A], aggregate_id: UUID) -> Response:
        """Return what can be done next with a thing, by whom, and why not. The aggregate has `next(act)`."""
        aggregate = cast("Any", self.get(cls, aggregate_id))
        return self.answer(reading.next_answer(aggregate.next(self.act("to see what can be done next"))))

    def history(self, cls: type[A], aggregate_id: UUID) -> Response:
        """Return the events of a thing, in order."""
        self.get(cls, aggregate_id)
        return self.answer(reading.history_answer(self._caller.units.events_of(aggregate_id)))

    def page(
        self,
        view: str,
        where: Mapping[str, Any] | None = None,
        *,
        present: Callable[[Row], Body] = dict,
        order_by: str = "key",
        descending: bool = False,
    ) -> Response:
        """Return one page of a view. The route's response model must have `next_page_token`."""
        chosen = dict(where or {})

        def fetch(limit: int, after: tuple[Any, ...] | None) -> list[Row]:
            return self.views.find(view, chosen, order_by=order_by, descending=descending, limit=limit, after=after)

        def place(row: Row) -> tuple[Any, ...]:
            return (row["key"],) if order_by == "key" else (row[order_by], row["key"])

        context = [self._caller.service, view, chosen, order_by, descending]
        return self.page_of(fetch, place=place, context=context, present=present)

    def page_of(
        self,
        fetch: Callable[[int, tuple[Any, ...] | None], list[Row]],
        *,
        place: Callable[[Row], tuple[Any, ...]],
        context: object,
        present: Callable[[Row], Body] = dict,
    ) -> Response:
        """Return one page of anything that can be fetched behind a place. `context` is what a token is bound to."""
        size, after = self.page_asked_for(context)
        rows = fetch(size + 1, after)
        following = place(rows[size - 1]) if len(rows) > size else None
        return self.one_page([present(row) for row in rows[:size]], following, context)

    def page_asked_for(self, context: object) -> tuple[int, tuple[Any, ...] | None]:
        """Return the size of the page that is asked for, and the place behind which it begins."""
        asked, token = self.request.scope["fourgates.page"]
        settings = self._caller.settings
        size = min(asked or settings.page_size_default, settings.page_size_max)
        return size, self._caller.tokens.read(context, token) if token else None

    def one_page(self, items: Sequence[Body], following: tuple[Any, ...] | None, context: object) -> Response:
        """Return a page, which may be a short one: only without a following place is it the last."""
        headers = dict(PRIVATE)
        token: str | None = None
        if following is not None:
            token = self._caller.tokens.make(context, following)
            headers["Link"] = f'<{self._with_token(token)}>; rel="next"'
        return rendered({"items": items, "next_page_token": token}, headers=headers)

    def _with_token(self, token: str) -> str:
        given = parse_qsl(self.request.scope.get("query_string", b"").decode("ascii"), keep_blank_values=True)
        kept = [(name, value) for name, value in given if name != "page_token"]
        return f"{quote(self.request.scope['path'])}?{urlencode([*kept, ('page_token', token)])}"

    # Bodies that are no JSON.

    @property
    def streams(self) -> bool:
        """True when the body is left for the endpoint."""
        return not self.body and self._memory is None

    def stream(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces, for an operation with `stream`. Raises the 413 problem."""
        return limited(self.request, self._limit_bytes)
