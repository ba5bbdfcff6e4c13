"""Builds training and test files from labs, and reads them for training."""
