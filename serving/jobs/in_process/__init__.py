"""Jobs that one process creates and completes itself, without a worker."""
