"""Grading: engines score submissions; grades are stored, exported, measured and served over HTTP."""
