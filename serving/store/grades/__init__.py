"""Grades, what people decided about them, and requests of students to look again."""
