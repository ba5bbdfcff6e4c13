"""Writes results as the files that course platforms read."""
