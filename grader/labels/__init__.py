"""Finds ratings that are likely wrong and TAs who rate differently from the others."""
