"""Several courses in one service, each with its own labs and model."""
