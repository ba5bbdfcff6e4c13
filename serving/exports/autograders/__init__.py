"""Autograders for platforms that run one for each submission: they send the submission to `POST /grade`."""
