"""Builds data sets of preference pairs from labs."""
