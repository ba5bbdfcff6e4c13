"""Regrades labs from the command line."""
