"""Finds, checks and opens models on disk."""
