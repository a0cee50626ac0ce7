"""What a Databricks workspace has to grant, and how its blocks are set up."""
