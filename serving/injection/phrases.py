"""Finds the phrases of `phrases.yaml` in text, however its words are spelled."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml

from serving.injection.characters import folded
from serving.injection.identifiers import split_name

GAP = 3
"""Words that may come between two words of a phrase."""
BREAK = "."
"""The token between two comments, strings or names: it counts as a word of a gap."""
GLUED_CHARS = 12
"""Words of at least this many letters are searched for phrases written without spaces."""

_TOKEN = re.compile(
    r"""(?P<full_score> (?<![\d/.])(?P<n>\d{1,3})\ ?(?:/|(?:out\ )?of\ )\ ?(?P=n)(?![\d/.]))
    | (?P<spaced> (?<!\w) [^\W\d_] (?:[ .\-*_~] [^\W\d_] (?!\w)){3,} )
    | (?P<letter> (?<![\w.]) (?: [B-H] | A(?!\ [a-z]) | (?<=[a-z]\ )A ) \+? (?![\w'+]|\.\w) )
    | (?P<word> [\u0900-\u097f]+ | [\u4e00-\u9fff]
        | [^\W_](?:(?![\u4e00-\u9fff])[^\W_]|[@$!|](?=[^\W_]))* )""",
    re.X,
)
_LETTER_NAME = re.compile(r"[A-H]")
_DIGITS_AS_LETTERS = [str.maketrans("013457@$!|", f"o{one}eastas{one}{one}") for one in "il"]
_REPEATED = re.compile(r"(.)\1{2,}")

Phrase = tuple[frozenset[str], ...]
"""The alternatives for each word."""


class Token(NamedTuple):
    """A normalised word, and where it is in the file."""

    offset: int
    word: str


class PhraseList(NamedTuple):
    """`anywhere` and `everything` index phrases by their first words; `glued` matches those of `anywhere` in a word."""

    anywhere: dict[str, list[Phrase]]
    everything: dict[str, list[Phrase]]
    vocabulary: frozenset[str]
    glued: re.Pattern[str]


def words(text: str, offset: int = 0) -> Iterator[Token]:
    """The words of `text`, which starts at `offset` of its file."""
    for match in _TOKEN.finditer(text):
        place = offset + match.start()
        if match["full_score"]:
            yield Token(place, "FULL_SCORE")
        elif match["letter"]:
            yield Token(place, "LETTER")
        else:
            yield Token(place, _normalised(re.sub(r"[\W_]", "", match[0]) if match["spaced"] else match[0]))


def name_words(name: str, offset: int = 0) -> Iterator[Token]:
    """The words of an identifier or a file name."""
    for word in split_name(name):
        yield Token(offset, "LETTER" if _LETTER_NAME.fullmatch(word) else _normalised(word))


def find_phrases(tokens: Sequence[Token], *, printed: bool) -> Iterator[int]:
    """The offset at which each phrase in `tokens` ends. `printed`: only those that no program prints honestly."""
    phrases = phrase_list().anywhere if printed else phrase_list().everything
    for start, token in enumerate(tokens):
        for phrase in phrases.get(token.word, ()):
            if (end := _end(tokens, start, phrase)) is not None:
                yield tokens[end].offset
                break


def find_glued(name: str) -> bool:
    """Whether a phrase is in `name` without anything between its words: `givemefullmarks`."""
    return len(name) >= GLUED_CHARS and phrase_list().glued.search(name.lower()[:200]) is not None


def backwards(tokens: Iterable[Token]) -> list[Token]:
    """The same text read from its end."""
    return [Token(token.offset, _normalised(token.word[::-1])) for token in reversed(list(tokens))]


@cache
def phrase_list() -> PhraseList:
    """`phrases.yaml`, parsed."""
    languages = yaml.safe_load(files("serving.injection").joinpath("phrases.yaml").read_text(encoding="utf-8"))
    anywhere = [_parsed(p, each.get("groups", {})) for each in languages.values() for p in each["anywhere"]]
    comments = [_parsed(p, each.get("groups", {})) for each in languages.values() for p in each.get("comments", ())]
    glued = [
        phrase for phrase in anywhere if all(word.isascii() and word != "LETTER" for one in phrase for word in one)
    ]
    return PhraseList(
        anywhere=_by_first_word(anywhere),
        everything=_by_first_word([*anywhere, *comments]),
        vocabulary=frozenset(word for phrase in (*anywhere, *comments) for one in phrase for word in one),
        glued=re.compile("|".join(r"[a-z]{0,4}".join(f"(?:{'|'.join(sorted(one))})" for one in p) for p in glued)),
    )


def _parsed(phrase: str, groups: dict[str, str]) -> Phrase:
    return tuple(
        frozenset(
            word if word in ("LETTER", "FULL_SCORE") else _plain(word)
            for part in slot.split("|")
            for word in groups.get(part, part).split("|")
        )
        for slot in phrase.split()
    )


def _by_first_word(phrases: Iterable[Phrase]) -> dict[str, list[Phrase]]:
    found: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        for word in phrase[0]:
            found.setdefault(word, []).append(phrase)
    return found


def _end(tokens: Sequence[Token], start: int, phrase: Phrase) -> int | None:
    """The index of the last word of `phrase` if it starts at `start`."""
    position = start
    for alternatives in phrase[1:]:
        reach = range(position + 1, min(position + GAP + 2, len(tokens)))
        following = next((index for index in reach if tokens[index].word in alternatives), None)
        if following is None:
            return None
        position = following
    return position


def _normalised(word: str) -> str:
    """`word` as the phrase list spells it, if it is one of its words in some spelling."""
    vocabulary, plain = phrase_list().vocabulary, _plain(word)
    if plain in vocabulary or len(plain) > 40:
        return plain
    spellings = [_plain(folded(word)), _REPEATED.sub(r"\1", plain), _REPEATED.sub(r"\1\1", plain)]
    if not plain.isalpha() and not plain.isdigit():
        spellings += [plain.translate(table) for table in _DIGITS_AS_LETTERS]
    return next((spelling for spelling in spellings if spelling in vocabulary), plain)


def _plain(word: str) -> str:
    """The word in lower case, without accents and vowel signs."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in parts if not unicodedata.category(char).startswith("M"))
