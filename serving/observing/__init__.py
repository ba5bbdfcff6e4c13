"""Builds and runs students' programs in a sandbox, and records what happened as observations."""
