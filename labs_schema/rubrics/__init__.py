"""Rubrics as files and requests state them: keys, titles, texts and marks."""
