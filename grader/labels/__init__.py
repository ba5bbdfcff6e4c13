"""Labels that may be wrong, and TAs who rate unlike the others: what a course should look at again."""
