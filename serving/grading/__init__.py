"""Grades a submission with an engine."""
