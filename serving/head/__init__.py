"""Heads: regressions on features of programs that rate a rubric's criteria, without reading a prompt."""
