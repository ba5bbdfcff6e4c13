"""Fits a head: regressions from features of programs to the ratings of a rubric."""
