"""The service seen from outside: metrics, traces, readiness. None of them holds a word of anybody's program."""
