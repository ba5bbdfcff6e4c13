"""Runs that need training and serving together."""
