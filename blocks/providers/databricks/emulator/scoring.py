"""What stands for the image that Databricks builds for a served model: MLflow's scoring server.

It knows nothing of us: the model is whatever MLflow can load.
"""

from __future__ import annotations

import os

import uvicorn
from mlflow.pyfunc import load_model, scoring_server

from blocks.providers.databricks.emulator.scoring_names import FOLDER, PORT


def main() -> None:
    """Serve until SIGTERM."""
    app = scoring_server.init(load_model(os.environ[FOLDER]))
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ[PORT]), log_level="warning")


if __name__ == "__main__":
    main()
