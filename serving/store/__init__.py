"""Append-only store of grades, overrides, the audit log, API keys and answers; student content can be erased."""
