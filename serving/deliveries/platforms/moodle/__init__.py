"""Moodle's web services: an assignment with points or a rubric, its participants and their grades."""
