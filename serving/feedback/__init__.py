"""Feedback documents for students: one submission, no one else's data."""
