"""Prometheus metrics, OpenTelemetry traces, and readiness."""
