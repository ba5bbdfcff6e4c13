"""Observations of whole labs."""
