"""Fine-tuning recipes of a language model beside heads on its frozen features: `python -m benchmarks.fine_tuning`."""
