"""Whether a program is too long for a course's model, known before that is loaded: by its tokenizer and manifest."""

from threading import Lock

from labs_schema.errors import ModelError
from labs_schema.models import Submission
from prompts.encode import PromptEncoder
from prompts.manifest import tokenizer_hash
from prompts.tokenizer import load_tokenizer
from serving.courses.registration import Registration
from serving.grading.program_length import check_length, is_short
from serving.model.folder import open_model

MOST = 4
"""Tokenizers that are kept: one may take 100 MB, and courses that are tuned from one base share theirs."""


class CourseLengths:
    """From any thread."""

    def __init__(self) -> None:
        self._encoders: dict[tuple[str, int], PromptEncoder] = {}
        self._refused: dict[str, int] = {}
        self._lock = Lock()

    def check(self, registration: Registration, submission: Submission) -> None:
        """As `check_length`; nothing where the model is not what was registered: it is refused when it is loaded, and
        not looked at here again until its course is registered anew."""
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
        known = registration.facts.tokenizer_hash, context_length
        with self._lock:
            if known not in self._encoders:
                tokenizer = load_tokenizer(source)
                if tokenizer_hash(tokenizer) != known[0]:
                    raise ModelError(f"{registration.model} has another tokenizer than was registered.")
                while len(self._encoders) >= MOST:
                    del self._encoders[next(iter(self._encoders))]
                self._encoders[known] = PromptEncoder(tokenizer, context_length=known[1])
            return self._encoders[known]
