"""The use cases of configuration management and of the library: one transaction each, the only writer."""

from dml_service.application.base import Blobs
from dml_service.application.check_ins import CheckInUseCases
from dml_service.application.configuration import ConfigurationUseCases, Place
from dml_service.application.library import Asked
from dml_service.application.services import TargetWanted


class DmlUseCases(CheckInUseCases, ConfigurationUseCases):
    """Everything that this service does."""


__all__ = ["Asked", "Blobs", "DmlUseCases", "Place", "TargetWanted"]
