"""Intake of submissions: folders, archives and single files."""
