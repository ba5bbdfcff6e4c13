"""Starts the HTTP service and workers."""
