"""Commands that connect the service to course platforms."""
