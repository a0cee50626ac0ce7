"""How a server of a model is told what to serve, and where."""

FOLDER, PORT = "SCORING_FOLDER", "SCORING_PORT"
