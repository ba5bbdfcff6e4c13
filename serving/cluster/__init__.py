"""Grading on many machines at once. Ray is imported here only, and only when a cluster is asked for."""
