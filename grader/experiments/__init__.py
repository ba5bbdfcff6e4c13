"""Experiments that need training and serving together: evaluation, calibration, robustness, attacks, the demo."""
