"""The short way of a request: from the server to its endpoint, past the layers and the solver of the framework.

It is for endpoints on the event loop that want nothing but ids from the path, one JSON body, and their call. They are
checked as all others are, and described by the framework as all others are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from fastapi import Response
from fastapi.dependencies.models import Dependant
from pydantic import TypeAdapter, ValidationError
from starlette.routing import Route
from starlette.types import Scope

from fourgates.chassis.http.problems import Problem
from fourgates.chassis.http.shapes import PathId

if TYPE_CHECKING:
    from fourgates.chassis.http.operation import Asked

_ID: TypeAdapter[UUID] = TypeAdapter(PathId)

# Stands for a parameter where segments of paths stand.
ANY = "{}"

CarryOut = Callable[[Any], Coroutine[Any, Any, Response]]


def carried_out_directly(wants: Dependant) -> CarryOut | None:
    """Return what calls the endpoint of an operation with a parsed request, or None when that needs the framework."""
    others = (wants.query_params, wants.header_params, wants.cookie_params, wants.dependencies[1:])
    named = (wants.request_param_name, wants.response_param_name, wants.background_tasks_param_name)
    ids = [one.name for one in wants.path_params if one.field_info.annotation is UUID]
    body = [one.name for one in wants.body_params]
    endpoint = wants.call
    if any(others) or any(named) or not wants.dependencies or not inspect.iscoroutinefunction(endpoint):
        return None
    if len(ids) < len(wants.path_params) or len(body) > 1 or wants.dependencies[0].name is None:
        return None
    call = wants.dependencies[0].name

    def carry_out(request: Asked) -> Coroutine[Any, Any, Response]:
        wanted: dict[str, Any] = {call: request.scope["fourgates.call"]}
        if body:
            wanted[body[0]] = request.value
        try:
            for name in ids:
                # Kept as it was read: the call asks what the path is about.
                wanted[name] = request.path_params[name] = _ID.validate_python(request.path_params[name])
        except ValidationError as error:
            raise Problem("not-found") from error
        # What is returned is awaited: a layer more would be gone through at each wait.
        return cast("Coroutine[Any, Any, Response]", endpoint(**wanted))

    return carry_out


class Directory:
    """Finds a route by method and path, one look for each segment. A route that was added first is found first."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}

    def add(self, route: Route) -> None:
        """Add a route, unless one that was added before answers its path."""
        for method in route.methods or ():
            if self.find(method, route.path)[0] is None:
                node = self._root.setdefault(method, {})
                for segment in route.path.split("/"):
                    node = node.setdefault(ANY if segment.startswith("{") else segment, {})
                node[None] = route

    def find(self, method: str, path: str) -> tuple[Route | None, list[str]]:
        """Return the route, and the texts of its path's parameters in their order."""
        node = self._root.get(method)
        texts: list[str] = []
        for segment in path.split("/"):
            if node is None:
                return None, texts
            found = node.get(segment)
            if found is None and segment:
                found = node.get(ANY)
                texts.append(segment)
            node = found
        return (None if node is None else node.get(None)), texts


def route_path(scope: Scope) -> str:
    """Return the path of a request below where the API is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
