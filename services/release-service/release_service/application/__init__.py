"""The use cases of release management: one transaction each, over releases and what was heard."""

from release_service.application.base import BadEvidence, Evidence, EvidenceReader
from release_service.application.hearing import Hearing

__all__ = ["BadEvidence", "Evidence", "EvidenceReader", "ReleaseUseCases"]


class ReleaseUseCases(Hearing):
    """Everything that people and facts can do to releases."""
