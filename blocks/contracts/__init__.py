"""The contracts. Import from here; no module below this one imports an SDK or Prefect."""

from blocks.contracts.base import Contract
from blocks.contracts.batch import BatchFeatures, BatchInference, BatchRequest, BatchResult
from blocks.contracts.cost import Basis, Cost, Price, Prices
from blocks.contracts.endpoints import (
    EndpointFeatures,
    Endpoints,
    Prediction,
    Variant,
    VariantRequest,
)
from blocks.contracts.errors import (
    Conflict,
    Denied,
    InvalidRequest,
    NoCapacity,
    NotFound,
    ProviderError,
    QuotaExceeded,
    Throttled,
    Unavailable,
    Unexpected,
    Unsupported,
)
from blocks.contracts.inventory import Inventory, Machines, Resource
from blocks.contracts.jobs import LogLine
from blocks.contracts.models import (
    ModelDraft,
    ModelRegistry,
    ModelVersion,
    Promotion,
    RegistryFeatures,
)
from blocks.contracts.monitor import (
    ERRING_USERS,
    LATENCY_RATIO,
    PREDICTION_BUCKETS,
    Monitor,
    MonitorFeatures,
    Sample,
    VariantTick,
    Window,
    latency_bucket,
    latency_of,
    merge_ticks,
    user_number,
)
from blocks.contracts.operation import (
    Failure,
    Frozen,
    OperationRef,
    OperationStatus,
    Phase,
    RunKey,
    Usage,
    added_field,
)
from blocks.contracts.processing import (
    ProcessingFeatures,
    ProcessingJobs,
    ProcessingRequest,
    ProcessingResult,
)
from blocks.contracts.secret import SecretStore
from blocks.contracts.store import ObjectInfo, ObjectStore, StoreFeatures
from blocks.contracts.study import Candidates, Goal, Scale, Study
from blocks.contracts.traffic import Capture, Mirror, Serving, Traffic
from blocks.contracts.training import (
    Idempotency,
    TrainingFeatures,
    TrainingJobs,
    TrainingRequest,
    TrainingResult,
)
from blocks.contracts.watching import (
    Check,
    MonitorFinding,
    MonitoringSchedule,
    MonitoringSchedules,
    MonitorLook,
    WatchingFeatures,
)

CONTRACTS: tuple[type[Contract], ...] = (
    TrainingJobs,
    ModelRegistry,
    Endpoints,
    ObjectStore,
    Monitor,
    BatchInference,
    ProcessingJobs,
    SecretStore,
    Prices,
    Inventory,
    MonitoringSchedules,
)
"""All contracts, in the order of a release; those that a release can do without last."""

NEEDED = tuple(contract for contract in CONTRACTS if not contract.optional)
"""The contracts that every platform has somebody for."""

__all__ = [
    "CONTRACTS",
    "ERRING_USERS",
    "LATENCY_RATIO",
    "NEEDED",
    "PREDICTION_BUCKETS",
    "Basis",
    "BatchFeatures",
    "BatchInference",
    "BatchRequest",
    "BatchResult",
    "Candidates",
    "Capture",
    "Check",
    "Conflict",
    "Contract",
    "Cost",
    "Denied",
    "EndpointFeatures",
    "Endpoints",
    "Failure",
    "Frozen",
    "Goal",
    "Idempotency",
    "InvalidRequest",
    "Inventory",
    "LogLine",
    "Machines",
    "Mirror",
    "ModelDraft",
    "ModelRegistry",
    "ModelVersion",
    "Monitor",
    "MonitorFeatures",
    "MonitorFinding",
    "MonitorLook",
    "MonitoringSchedule",
    "MonitoringSchedules",
    "NoCapacity",
    "NotFound",
    "ObjectInfo",
    "ObjectStore",
    "OperationRef",
    "OperationStatus",
    "Phase",
    "Prediction",
    "Price",
    "Prices",
    "ProcessingFeatures",
    "ProcessingJobs",
    "ProcessingRequest",
    "ProcessingResult",
    "Promotion",
    "ProviderError",
    "QuotaExceeded",
    "RegistryFeatures",
    "Resource",
    "RunKey",
    "Sample",
    "Scale",
    "SecretStore",
    "Serving",
    "StoreFeatures",
    "Study",
    "Throttled",
    "Traffic",
    "TrainingFeatures",
    "TrainingJobs",
    "TrainingRequest",
    "TrainingResult",
    "Unavailable",
    "Unexpected",
    "Unsupported",
    "Usage",
    "Variant",
    "VariantRequest",
    "VariantTick",
    "WatchingFeatures",
    "Window",
    "added_field",
    "latency_bucket",
    "latency_of",
    "merge_ticks",
    "user_number",
]
