"""Recipes of fine-tuning, compared with heads on frozen features: `python -m benchmarks.training.fine_tuning`."""
