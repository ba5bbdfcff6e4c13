"""Wires the service and its workers."""
