"""Option-letter log-probabilities to rating distributions and review reasons."""
