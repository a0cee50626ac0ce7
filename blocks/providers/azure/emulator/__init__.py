"""An emulated Azure subscription with one Machine Learning workspace, its storage and its vault.

A process of its own serves Resource Manager, the workspace's data plane, Blob storage, Key Vault
and the sign-in page over HTTPS on loopback, under the SDK's own clients. Jobs run as processes,
deployments serve.
"""
