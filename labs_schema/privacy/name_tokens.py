"""A text as the words that names are looked for in. Knows nobody's name."""

from collections.abc import Set
from typing import NamedTuple

from labs_schema.privacy.common_words import PLAIN_WORDS
from labs_schema.privacy.name_spelling import WORD, key_of, stands_alone


class Word(NamedTuple):
    """`text[start:end]`. `key` is how it is compared."""

    start: int
    end: int
    key: str
    capital: bool

    @property
    def plain(self) -> bool:
        return self.key in PLAIN_WORDS

    @property
    def weak(self) -> bool:
        """Whether it says little of anybody: plain, or of a few letters."""
        return self.plain or (len(self.key) < 4 and not stands_alone(self.key))

    @property
    def initial(self) -> bool:
        return len(self.key) == 1 and self.capital


def words_of(text: str, folded: str, known: Set[str]) -> list[Word]:
    """In order. `folded`: the text as `spelling.folded` has it. `rossi2` counts as `rossi`, unless it is `known`."""
    words = []
    for match in WORD.finditer(text):
        start, end = match.span()
        key = key_of(folded[start:end])
        bare = key.rstrip("0123456789")
        words.append(Word(start, end, bare if len(bare) > 1 and key not in known else key, text[start].isupper()))
    return words
