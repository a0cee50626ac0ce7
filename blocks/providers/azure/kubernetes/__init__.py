"""Azure Machine Learning on a Kubernetes cluster of one's own: AKS, or any by Azure Arc."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="azure-kubernetes",
    title="Azure ML on Kubernetes",
    extra="azure",
    capabilities={
        "endpoints": "blocks.providers.azure.kubernetes.endpoints:AzureKubernetesEndpoints",
    },
    beside="azure",
    words="blocks.providers.azure.words:KUBERNETES",
    rehearsal="blocks.providers.azure.kubernetes.rehearsal:AzureKubernetesRehearsal",
    rehearsal_extra="azure-rehearsal",
    bench="blocks.providers.azure.kubernetes.bench:AzureKubernetesBench",
)
