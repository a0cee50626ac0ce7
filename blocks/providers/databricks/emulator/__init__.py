"""A Databricks workspace on loopback, for rehearsals and tests; ``launch`` starts one.

The SDK's own clients and MLflow's speak to it. Requests and answers are held against the SDK's own
signatures and dataclasses; runs are processes of this machine, and endpoints serve models.
"""
