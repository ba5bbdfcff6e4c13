"""Checks whether a program fits a course's model before that model is loaded, with its tokenizer and manifest."""

from threading import Lock

from labs_schema.errors import ModelError
from labs_schema.limits import CourseLimits
from labs_schema.models import Submission
from prompts.encode import PromptEncoder
from prompts.manifest import tokenizer_hash
from prompts.tokenizer import load_tokenizer
from serving.courses.course_registry import Registration
from serving.grading.scoring_requests import check_length, is_short
from serving.model.folder import open_model

LIMITS = CourseLimits()


class LengthCheck:
    """Thread-safe. Caches tokenizers: courses tuned from one base share theirs."""

    def __init__(self) -> None:
        self._encoders: dict[tuple[str, int], PromptEncoder] = {}
        self._refused: dict[str, int] = {}
        self._lock = Lock()

    def check(self, registration: Registration, submission: Submission) -> None:
        """Raises OverlongError like `check_length`.

        Does nothing for a model that differs from its registration: loading refuses it. It is not read again until its
        course is registered again.
        """
        if self._refused.get(registration.course) == registration.seq:
            return
        try:
            model = open_model(registration.model, adapters=True)
            if model.manifest is None or is_short(submission, model.manifest.context_length):
                return
            encoder = self._encoder(registration, model.tokenizer, model.manifest.context_length)
        except ModelError:
            self._refused[registration.course] = registration.seq
            return
        check_length(submission, encoder)

    def _encoder(self, registration: Registration, source: str, context_length: int) -> PromptEncoder:
        key = registration.facts.tokenizer_hash, context_length
        with self._lock:
            if key not in self._encoders:
                tokenizer = load_tokenizer(source)
                if tokenizer_hash(tokenizer) != key[0]:
                    raise ModelError(
                        f"{registration.model} has another tokenizer than registered.", code="model-changed"
                    )
                while len(self._encoders) >= LIMITS.cached_tokenizers:
                    del self._encoders[next(iter(self._encoders))]
                self._encoders[key] = PromptEncoder(tokenizer, context_length=context_length)
            return self._encoders[key]
