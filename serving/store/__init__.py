"""What the service must not lose: grades, overrides, the audit log, keys and answers given; and what it must forget."""
