"""Schedules submissions onto the engine: queue, fairness between courses, batches."""
