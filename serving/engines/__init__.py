"""What a model is asked through: one protocol, several engines behind it."""
