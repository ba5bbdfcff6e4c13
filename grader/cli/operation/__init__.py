"""Commands that run the service and manage its courses, keys and audit log."""
