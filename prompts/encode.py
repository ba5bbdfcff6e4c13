"""Encodes prompts and verdicts as token ids, for training and serving alike.

A prompt is encoded in segments, so that no BPE merge crosses a boundary and serving ids are a prefix of training ids:
template | system | template | shared | criterion | template | opening | letter | rest | end of turn.
Only the chat template's own text may become special tokens.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, Protocol

from labs_schema.errors import ModelError, OverlongError
from labs_schema.frozen import Frozen
from prompts.chat_template import ChatFormat, Turn, chat_format, encode_conversation, split_trailing_spaces
from prompts.messages import Prompt
from prompts.segments import Segments
from prompts.truncation import truncate_to_fit
from prompts.verdict import LETTERS, OPENING, REASONING, parse_verdict

OnOverlong = Literal["error", "middle"]


class FastTokenizer(Protocol):
    """The part of transformers' `PreTrainedTokenizerFast` that is used here."""

    name_or_path: str
    chat_template: Any
    bos_token: Any
    bos_token_id: Any
    eos_token_id: Any
    unk_token_id: Any

    @property
    def backend_tokenizer(self) -> Any: ...

    @property
    def apply_chat_template(self) -> Callable[..., Any]: ...


class EncodedSubmission(Frozen):
    """Token ids. The prompt of criterion i is `shared + criteria[i]`; the next token is the option letter.

    `truncated`: the middle of the code was removed.
    """

    shared: tuple[int, ...]
    criteria: tuple[tuple[int, ...], ...]
    truncated: bool = False


class PromptEncoder:
    """Encodes prompts and verdicts with one tokenizer.

    `context_length` and `answer_tokens` (reserved for the answer) are in tokens. `on_overlong` selects what happens if
    a submission's longest prompt does not fit: an OverlongError, or removing the middle of its code, equally for all
    criteria.
    Raises ModelError if the tokenizer cannot be used.
    """

    def __init__(
        self,
        tokenizer: FastTokenizer,
        *,
        context_length: int,
        on_overlong: OnOverlong = "error",
        answer_tokens: int = 64,
    ) -> None:
        self.context_length, self.on_overlong, self.answer_tokens = context_length, on_overlong, answer_tokens
        self._segments, self._tokenizer = Segments(tokenizer), tokenizer
        self._layout: Callable[[bool], ChatFormat] = cache(lambda system: chat_format(tokenizer, system=system))
        self._letters = tuple(self._letter_id(letter) for letter in LETTERS)
        self._end = self._end_of_turn(tokenizer.eos_token_id)

    def encode(self, prompts: Sequence[Prompt]) -> EncodedSubmission:
        """The prompts of one submission, with the shared part encoded once.

        Raises OverlongError (without the student's id), and ValueError for prompts of different submissions.
        """
        if len({(prompt.system, prompt.shared) for prompt in prompts}) != 1:
            raise ValueError("prompts of different submissions cannot be encoded together")
        layout = self._layout(bool(prompts[0].system))
        head, shared = self._head(layout, prompts[0])
        answering = self._answering(layout)
        criteria = tuple(self._segments.plain(prompt.criterion) + answering for prompt in prompts)
        available = self.context_length - self.answer_tokens
        room = available - len(head) - max(map(len, criteria))
        ids = self._segments.plain(shared)
        truncated = len(ids) > room and self.on_overlong == "middle"
        if truncated:
            ids = truncate_to_fit(shared, room, self._segments.plain)
        if len(ids) > room:
            raise OverlongError("a submission", available - room + len(ids), available)
        return EncodedSubmission(shared=head + ids, criteria=criteria, truncated=truncated)

    def encode_turns(
        self, turns: Sequence[Turn], answers: Sequence[str]
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, ...], ...]]:
        """A conversation that is not a grading prompt: ids of its turns, of the template text before an answer, and of
        each answer with its end of turn. The length is not limited. Raises ModelError as `encode_conversation` does."""
        return encode_conversation(self._tokenizer, self._segments, turns, answers, self._end)

    def count(self, text: str) -> int:
        """The number of tokens of `text` on its own."""
        return len(self._segments.plain(text))

    @property
    def end_ids(self) -> tuple[int, ...]:
        """The ids that end an answer."""
        return self._end

    def letter_ids(self, n: int) -> tuple[int, ...]:
        """The ids of the first `n` option letters."""
        return self._letters[:n]

    def answer_ids(self, verdict: str) -> tuple[int, ...]:
        """The ids after a prompt: letter, rest, end of turn. Raises ValueError if `verdict` is not a verdict.

        A reasoning may exceed `answer_tokens`; the caller checks the total length.
        """
        letter = parse_verdict(verdict).letter
        rest = verdict[len(OPENING) + 1 :]
        head = REASONING if rest.startswith(REASONING) else ""
        tail = self._segments.plain(rest[len(head) :])
        return (self._letters[LETTERS.index(letter)], *self._segments.plain(head), *tail, *self._end)

    def reasoning_ids(self, letter: str) -> tuple[int, ...]:
        """The ids after a prompt up to the reasoning: a prefix of the `answer_ids` of a verdict with a reasoning."""
        return (self._letters[LETTERS.index(letter)], *self._segments.plain(REASONING))

    def _head(self, layout: ChatFormat, prompt: Prompt) -> tuple[tuple[int, ...], str]:
        """Ids of everything before the shared part, and the shared part with its leading spaces."""
        before, space = split_trailing_spaces(layout.before)
        ids = self._segments.opening(before)
        if prompt.system:
            between, next_space = split_trailing_spaces(layout.between)
            ids += self._segments.plain(space + prompt.system) + self._segments.trusted(between)
            space = next_space
        return ids, space + prompt.shared

    def _answering(self, layout: ChatFormat) -> tuple[int, ...]:
        before, space = split_trailing_spaces(layout.answering)
        return self._segments.trusted(before) + self._segments.plain(space + OPENING)

    def _letter_id(self, letter: str) -> int:
        ids = self._segments.plain(letter)
        if len(ids) != 1 or ids[0] in self._segments.special:
            raise ModelError(
                f"tokenizer {self._segments.name!r} has no single token for the letter {letter}. "
                "Use a model whose vocabulary contains the letters A to Z.",
                code="unsupported-tokenizer",
            )
        return ids[0]

    def _end_of_turn(self, eos: int | None) -> tuple[int, ...]:
        """The special token that the template writes after an answer, or the tokenizer's end-of-text token."""
        after = self._segments.trusted(self._layout(False).after)
        end = next((token for token in after if token in self._segments.special), eos)
        if end is None:
            raise ModelError(
                f"tokenizer {self._segments.name!r} has no end-of-text token. Set its eos_token.",
                code="unsupported-tokenizer",
            )
        return (end,)
