"""Regrading whole labs as jobs that outlive the process: what is done, what is due, and which worker does it."""
