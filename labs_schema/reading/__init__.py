"""Reads a lab folder into a validated `Lab`, or reports every error in it."""
