"""Settings of every test: no deadline for hypothesis, because a busy machine is not a defect."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")
