"""Fits heads on labs: features of programs from the serving package, regressions from the training package."""
