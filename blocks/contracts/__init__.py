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
from blocks.contracts.inventory import Inventory, Resource
from blocks.contracts.models import (
    ModelDraft,
    ModelRegistry,
    ModelVersion,
    Promotion,
    RegistryFeatures,
)
from blocks.contracts.monitor import (
    LATENCY_RATIO,
    PREDICTION_BUCKETS,
    Monitor,
    MonitorFeatures,
    Sample,
    VariantTick,
    Window,
    latency_bucket,
    latency_of,
)
from blocks.contracts.operation import (
    Failure,
    Frozen,
    OperationRef,
    OperationStatus,
    Phase,
    RunKey,
    Usage,
)
from blocks.contracts.secret import SecretStore
from blocks.contracts.store import ObjectInfo, ObjectStore, StoreFeatures
from blocks.contracts.traffic import Capture, Mirror, Serving, Traffic
from blocks.contracts.training import (
    Idempotency,
    LogLine,
    TrainingFeatures,
    TrainingJobs,
    TrainingRequest,
    TrainingResult,
)

CONTRACTS: tuple[type[Contract], ...] = (
    TrainingJobs,
    ModelRegistry,
    Endpoints,
    ObjectStore,
    Monitor,
    BatchInference,
    SecretStore,
    Prices,
    Inventory,
)
"""All contracts, in the order of a release."""

__all__ = [
    "CONTRACTS",
    "LATENCY_RATIO",
    "PREDICTION_BUCKETS",
    "Basis",
    "BatchFeatures",
    "BatchInference",
    "BatchRequest",
    "BatchResult",
    "Capture",
    "Conflict",
    "Contract",
    "Cost",
    "Denied",
    "EndpointFeatures",
    "Endpoints",
    "Failure",
    "Frozen",
    "Idempotency",
    "InvalidRequest",
    "Inventory",
    "LogLine",
    "Mirror",
    "ModelDraft",
    "ModelRegistry",
    "ModelVersion",
    "Monitor",
    "MonitorFeatures",
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
    "Promotion",
    "ProviderError",
    "QuotaExceeded",
    "RegistryFeatures",
    "Resource",
    "RunKey",
    "Sample",
    "SecretStore",
    "Serving",
    "StoreFeatures",
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
    "Window",
    "latency_bucket",
    "latency_of",
]
