"""Redaction of students' identities, and pseudonyms."""
