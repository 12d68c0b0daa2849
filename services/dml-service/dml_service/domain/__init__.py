"""The rules of configuration management and of the definitive media library, and nothing else."""

from dml_service.domain.check_in import CheckIn, CheckInState, Decision, UsedGrant
from dml_service.domain.check_out import CheckOut, Wanted
from dml_service.domain.configuration import (
    Baseline,
    BaselineEntry,
    ConfigurationItem,
    Relation,
    RelationKind,
    RelationTarget,
    Running,
    instance_id_of,
    node_id_of,
)
from dml_service.domain.definitive_name import DefinitiveName
from dml_service.domain.impact import Impact, Impacted
from dml_service.domain.known import KnownGrant, KnownRelease
from dml_service.domain.media import (
    MediaItem,
    MediaState,
    Medium,
    Use,
    UseKind,
    item_id_of,
    name_id_of,
)
from dml_service.domain.service import Service
from dml_service.domain.service_name import ServiceName
from dml_service.domain.service_parts import RUNNING, Dependency, Lifecycle, Retirement, ServiceLevelTarget

__all__ = [
    "RUNNING",
    "Baseline",
    "BaselineEntry",
    "CheckIn",
    "CheckInState",
    "CheckOut",
    "ConfigurationItem",
    "Decision",
    "DefinitiveName",
    "Dependency",
    "Impact",
    "Impacted",
    "KnownGrant",
    "KnownRelease",
    "Lifecycle",
    "MediaItem",
    "MediaState",
    "Medium",
    "Relation",
    "RelationKind",
    "RelationTarget",
    "Retirement",
    "Running",
    "Service",
    "ServiceLevelTarget",
    "ServiceName",
    "Use",
    "UseKind",
    "UsedGrant",
    "Wanted",
    "instance_id_of",
    "item_id_of",
    "name_id_of",
    "node_id_of",
]
