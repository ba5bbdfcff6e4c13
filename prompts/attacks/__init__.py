"""Prompt-injection attacks: programs that behave as before and contain text that addresses the grader.

`evaluation` measures graders, `training` may be trained on. No text is in both, and three families of `evaluation` are
not in `training`, so that robustness to unseen attacks can be measured. An import contract in pyproject.toml enforces
that training never imports `evaluation`.
"""
