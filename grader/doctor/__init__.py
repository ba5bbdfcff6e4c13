"""The checks of `grader doctor`."""
