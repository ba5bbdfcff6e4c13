"""The worker of `grader work` and `grader serve`: it leases chunks of jobs and grades them."""
