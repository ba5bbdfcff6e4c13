"""Writes labs: whole folders, and edits of the texts of one."""
