"""Which permission each call takes, as IAM names them."""

from __future__ import annotations

import re

_SPECIAL = {
    "UploadModel": "aiplatform.models.upload",
    "MergeVersionAliases": "aiplatform.models.update",
    "ListModelVersions": "aiplatform.models.list",
    "DeleteModelVersion": "aiplatform.models.delete",
    "DeployModel": "aiplatform.endpoints.deploy",
    "UndeployModel": "aiplatform.endpoints.undeploy",
    "MutateDeployedModel": "aiplatform.endpoints.update",
    "Predict": "aiplatform.endpoints.predict",
    "RawPredict": "aiplatform.endpoints.predict",
    "SearchModelMonitoringAlerts": "aiplatform.modelMonitors.searchModelMonitoringAlerts",
    "PauseSchedule": "aiplatform.schedules.update",
    "ResumeSchedule": "aiplatform.schedules.update",
    "AccessSecretVersion": "secretmanager.versions.access",
    "AddSecretVersion": "secretmanager.versions.add",
    "WriteLogEntries": "logging.logEntries.create",
    "ListLogEntries": "logging.logEntries.list",
}
_VERB = re.compile(r"(Create|Get|List|Update|Delete|Cancel|Wait|Pause|Resume|Search)(.+)")


def permission(api: str, method: str) -> str:
    """Return the permission of a method, as in ``aiplatform.customJobs.create``."""
    if api == "operations":  # whoever may look at the resource may look at what is done to it
        return "aiplatform.operations.get"
    if method in _SPECIAL:
        return _SPECIAL[method]
    found = _VERB.fullmatch(method)
    if found is None:
        return f"{api}.{method}"
    verb, noun = found[1].lower(), found[2][0].lower() + found[2][1:]
    return f"{api}.{noun if noun.endswith('s') else noun + 's'}.{verb}"
