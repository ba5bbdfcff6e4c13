"""Reads labs from disk into validated `Lab` records, and defines the `Grade` record."""
