"""The use cases of change management: one transaction each."""

from __future__ import annotations

from change_service.application.calendar import CalendarCases
from change_service.application.changes import ChangeCases
from change_service.application.decisions import DecisionCases
from change_service.application.people import PeopleCases, PersonEntry, id_of_group
from change_service.application.releases import ReleaseCases

__all__ = ["ChangeUseCases", "PersonEntry", "id_of_group"]


class ChangeUseCases(ChangeCases, DecisionCases, ReleaseCases, CalendarCases, PeopleCases):
    """Everything that can be done in change management, in one unit of work."""
