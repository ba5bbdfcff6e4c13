"""Prompts and verdicts to token ids: the one way of training and of serving, and the only caller of a tokenizer.

A prompt is encoded in segments, each by itself, so that no merge crosses from one to the next:
template | system | template | shared | criterion | template | opening | letter | rest | end of turn.
Only the template's own text may become special tokens. Knows neither ratings given nor engines.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, Protocol

from labs_schema.errors import ModelError, OverlongError
from labs_schema.frozen import Frozen
from prompts.chat_template import ChatFormat, Turn, chat_format, encode_conversation
from prompts.messages import Prompt
from prompts.segments import Segments
from prompts.truncation import truncate_to_fit
from prompts.verdict import LETTERS, OPENING, REASONING, parse_verdict

OnOverlong = Literal["error", "middle"]


class FastTokenizer(Protocol):
    """What is used of transformers' `PreTrainedTokenizerFast`."""

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
    """Token ids. Criterion i's whole prompt is `shared + criteria[i]`; the next token after it is the letter.

    `cut`: the middle of the code was left out.
    """

    shared: tuple[int, ...]
    criteria: tuple[tuple[int, ...], ...]
    cut: bool = False


class PromptEncoder:
    """Prompts and verdicts as ids of one tokenizer.

    `context_length` and `answer_tokens` (kept free for the answer) are in tokens. `on_overlong` says what becomes of a
    submission whose longest prompt does not fit: an OverlongError, or the middle of its code left out, visibly and the
    same for all of its criteria. Raises ModelError where the tokenizer cannot be used.
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
        """The prompts of one submission. The shared part is encoded once.

        Raises OverlongError (it names no student), and ValueError where the prompts are not of one submission.
        """
        if len({(prompt.system, prompt.shared) for prompt in prompts}) != 1:
            raise ValueError("prompts to be encoded together share their system text and their shared part")
        layout = self._layout(bool(prompts[0].system))
        head, shared = self._head(layout, prompts[0])
        answering = self._answering(layout)
        criteria = tuple(self._segments.plain(prompt.criterion) + answering for prompt in prompts)
        available = self.context_length - self.answer_tokens
        room = available - len(head) - max(map(len, criteria))
        ids = self._segments.plain(shared)
        cut = len(ids) > room and self.on_overlong == "middle"
        if cut:
            ids = truncate_to_fit(shared, room, self._segments.plain)
        if len(ids) > room:
            raise OverlongError("a submission", available - room + len(ids), available)
        return EncodedSubmission(shared=head + ids, criteria=criteria, cut=cut)

    def encode_turns(
        self, turns: Sequence[Turn], answers: Sequence[str]
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, ...], ...]]:
        """A conversation that is no prompt of a lab: ids of its turns, of the template's text before an answer, and
        of each answer with its end of turn. Of any length. Raises ModelError, as `encode_conversation`."""
        return encode_conversation(self._tokenizer, self._segments, turns, answers, self._end)

    def count(self, text: str) -> int:
        """How many tokens `text` is by itself, of any length."""
        return len(self._segments.plain(text))

    def letter_ids(self, n: int) -> tuple[int, ...]:
        """The ids of the first `n` letters."""
        return self._letters[:n]

    def answer_ids(self, verdict: str) -> tuple[int, ...]:
        """What follows a prompt: letter, rest, end of turn. Raises ValueError where `verdict` is not one.

        May be longer than `answer_tokens` where there is a reasoning: the caller sees to it that all fits.
        """
        letter = parse_verdict(verdict).letter
        rest = verdict[len(OPENING) + 1 :]
        head = REASONING if rest.startswith(REASONING) else ""
        tail = self._segments.plain(rest[len(head) :])
        return (self._letters[LETTERS.index(letter)], *self._segments.plain(head), *tail, *self._end)

    def reasoning_ids(self, letter: str) -> tuple[int, ...]:
        """What follows a prompt up to the first character of the reasoning: the start of the `answer_ids` with one."""
        return (self._letters[LETTERS.index(letter)], *self._segments.plain(REASONING))

    def _head(self, layout: ChatFormat, prompt: Prompt) -> tuple[tuple[int, ...], str]:
        """Ids of all that stands before the shared part, and the shared part with the spaces that belong to it."""
        before, space = without_spaces(layout.before)
        ids = self._segments.opening(before)
        if prompt.system:
            between, next_space = without_spaces(layout.between)
            ids += self._segments.plain(space + prompt.system) + self._segments.trusted(between)
            space = next_space
        return ids, space + prompt.shared

    def _answering(self, layout: ChatFormat) -> tuple[int, ...]:
        before, space = without_spaces(layout.answering)
        return self._segments.trusted(before) + self._segments.plain(space + OPENING)

    def _letter_id(self, letter: str) -> int:
        ids = self._segments.plain(letter)
        if len(ids) != 1 or ids[0] in self._segments.special:
            raise ModelError(
                f"tokenizer {self._segments.name!r} has no token of its own for the letter {letter}, so it cannot name "
                "an option. Use a model whose vocabulary holds the letters A to Z."
            )
        return ids[0]

    def _end_of_turn(self, eos: int | None) -> tuple[int, ...]:
        """The special token that the template puts after an answer, else the tokenizer's end of text."""
        after = self._segments.trusted(self._layout(False).after)
        end = next((token for token in after if token in self._segments.special), eos)
        if end is None:
            raise ModelError(f"tokenizer {self._segments.name!r} has no end-of-text token: set its eos_token")
        return (end,)


def without_spaces(text: str) -> tuple[str, str]:
    """`text` and the spaces at its end, which belong to the next word: a model knows ` word`, not ` ` and `word`."""
    kept = text.rstrip(" ")
    return kept, text[len(kept) :]
