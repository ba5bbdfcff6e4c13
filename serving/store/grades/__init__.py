"""Grades, people's decisions about them, and students' regrade requests."""
