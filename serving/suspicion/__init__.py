"""Students who write to the grader: where they do, and the same program without what they wrote."""

from serving.suspicion.detector import suspicions
from serving.suspicion.finding import Suspicion
from serving.suspicion.neutral import neutralised

__all__ = ["Suspicion", "neutralised", "suspicions"]
