"""The container of an endpoint: our model server behind Vertex AI's contract, or Cloud Run's.

Vertex AI tells by AIP_ variables where the model is and which port it asks; our routes are named
in the model. Cloud Run tells the port alone, by PORT.
Run as ``python -m blocks.providers.gcp.serve``.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from pydantic import ValidationError

from blocks.cloud.folders import bring
from blocks.cloud.serving import CAPTURE_EVERY, Settings, config_of, serve
from blocks.providers.gcp.captured_rows import CapturedRows
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.inside import bucket
from blocks.serving.model import NotServed

HOST, PORT, MODEL = "BLUEWATER_BIND_HOST", "AIP_HTTP_PORT", "AIP_STORAGE_URI"
GRACE = 1.0  # seconds between not ready and the last connection


def main() -> None:
    """Serve until SIGTERM. Ends with status 1 and the reason as the last line if it cannot."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    place = Path(tempfile.mkdtemp(prefix="bluewater-"))
    try:
        settings = Settings.from_environment(os.environ)
        config = config_of(
            settings,
            place,
            model=place / "model",
            host=os.environ.get(HOST, "0.0.0.0"),  # noqa: S104 - a container's own network
            port=int(os.environ.get(PORT) or os.environ.get("PORT", "8080")),
            capture_every=float(os.environ.get(CAPTURE_EVERY, "30")),
        )
        on_vertex = MODEL in os.environ and "K_SERVICE" not in os.environ
        objects = bucket(CapturedRows if on_vertex else Objects)
        bring(objects, os.environ[MODEL], config.model_folder)
        serve(settings, config, objects, grace=GRACE)
    except (NotServed, ValidationError, GoogleAPIError, GoogleAuthError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
