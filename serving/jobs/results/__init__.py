"""Results of a job, and the files that they are written to."""
