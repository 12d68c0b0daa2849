"""Who may call, and how a command on a release is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Response
from fourgates.chassis.http import Call, needs

from release_service.api.answers import present_release
from release_service.application import ReleaseUseCases
from release_service.domain import Release

Reader = Annotated[Call[ReleaseUseCases], Depends(needs("release:read"))]
Writer = Annotated[Call[ReleaseUseCases], Depends(needs("release:write"))]


async def carry_out(
    call: Call[ReleaseUseCases], use_case: Callable[[ReleaseUseCases], Release], *, if_match: bool = False
) -> Response:
    """Carry out a command and answer with the release as it is then."""
    # The number of a release is in the read models.
    return await call.command(
        use_case, present=lambda release: present_release(release, call.views), if_match=if_match, waits=True
    )
