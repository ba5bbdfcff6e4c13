"""Compares the store with its audit log."""
