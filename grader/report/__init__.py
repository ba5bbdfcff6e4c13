"""The HTML report of an evaluation: one file that loads nothing else."""
