"""Calibrated confidences and an acceptance threshold with a statistical guarantee, fitted on held-out graded work."""
