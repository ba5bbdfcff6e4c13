"""Regrading whole labs as jobs that outlive the process: what is done, what waits, and who does it."""
