"""Robustness experiments: models trained on poisoned labels or prompts, evaluated on clean held-out submissions."""
