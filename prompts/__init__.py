"""Converts labs, criteria and submissions to token ids, and verdicts to text and back, for training and serving."""
