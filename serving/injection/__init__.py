"""Prompt injection: detects text that addresses the grader, and removes what could contain such text."""

from serving.injection.detector import Finding, detect
from serving.injection.sanitizer import sanitized

__all__ = ["VERSION", "Finding", "detect", "sanitized"]

VERSION = 3
"""Raise this if the detector reports other places or the sanitized copy differs: calibrations are tied to it."""
