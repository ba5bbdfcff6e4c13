"""Redaction of student names, and pseudonyms."""
