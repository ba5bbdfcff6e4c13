"""Statistics that compare a grader's ratings with the TAs'."""
