"""One folder for each provider; see ``blocks.registry``."""
