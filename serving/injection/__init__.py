"""Students who write to the grader: where they do, and the same program without what they wrote."""

from serving.injection.detector import suspicions
from serving.injection.finding import Suspicion
from serving.injection.sanitizer import sanitized

__all__ = ["VERSION", "Suspicion", "sanitized", "suspicions"]

VERSION = 1
"""To be raised when another place is found in some program, or another text is left of it: a calibration holds only for
the guards that it was made with."""
