"""Reads a lab's folder into a validated `Lab`, or reports every error in it."""
