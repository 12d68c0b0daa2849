"""Read models of the library and of configuration management, and the queries over them."""

from dml_service.views.configuration import BASELINES, CONFIGURATION_ITEMS, IMPACTS, configured, instances_of_service
from dml_service.views.library import (
    CHECK_INS,
    CHECK_OUTS,
    MEDIA_ITEMS,
    grant_was_used,
    items_checked_in_by,
    items_named,
    items_under_authorization,
    items_with_digest,
    waiting_check_ins,
)
from dml_service.views.services import SERVICES

VIEWS = (SERVICES, MEDIA_ITEMS, CHECK_INS, CHECK_OUTS, CONFIGURATION_ITEMS, BASELINES, IMPACTS)

__all__ = [
    "VIEWS",
    "configured",
    "grant_was_used",
    "instances_of_service",
    "items_checked_in_by",
    "items_named",
    "items_under_authorization",
    "items_with_digest",
    "waiting_check_ins",
]
