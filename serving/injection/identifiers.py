"""Names that say more than a name needs to, and other names for them. Knows no submissions."""

import re
from collections.abc import Iterable, Mapping, Sequence

from labs_schema.source.lexer import KEYWORDS, Span
from serving.injection.channels import names
from serving.injection.reading import hits
from serving.injection.rules import WEAK
from serving.injection.words import split_name, words

MANY_WORDS = 4
"""A name of so many words can hold a sentence."""
PROSE = 4
"""So many names in a row with nothing but blanks between them are no code."""

_LIBRARY = """
ArrayIndexOutOfBoundsException StringIndexOutOfBoundsException IndexOutOfBoundsException FileNotFoundException
ClassNotFoundException ConcurrentModificationException NoSuchElementException UnsupportedOperationException
CloneNotSupportedException NoSuchMethodException UncheckedIOException setDefaultCloseOperation EXIT_ON_CLOSE
compareToIgnoreCase DO_NOTHING_ON_CLOSE DISPOSE_ON_CLOSE newFixedThreadPool newSingleThreadExecutor getElementById
getElementsByClassName getElementsByTagName get_or_insert_with sort_unstable_by_key getAudioInputStream
enable_shared_from_this _CRT_SECURE_NO_WARNINGS
"""
LIBRARY = frozenset(_LIBRARY.split())
"""Names of many words that everybody uses and nobody made up."""
_SENTENCE = """
a an the this that these those to of and or because can could be been is are was were will would should must it its
nothing everything something better best with without for from not no yes as at by on if so you your we our they i me
my he she who what when which than then very only also all any every each please have has had do does did
el la los las un una de del que por para con sin es son y o no si mi tu su muy todo nada
der die das ein eine und oder ist sind mit ohne nicht sehr alles nichts le les des du et est sont avec sans pas tout
ki ke ka hai ko se aur bahut
"""
SENTENCE_WORDS = frozenset(_SENTENCE.split())
"""Small words that a sentence needs and a program hardly ever has as names."""
FEW, WITHIN = 4, 12
"""So many of them among so many names in a row are a sentence."""
STAYS = LIBRARY | KEYWORDS | {"main", "Main"}


def telling_names(text: str, spans: Sequence[Span]) -> list[str]:
    """The names to replace, in the order of their first use: of many words, or with a part in what speaks to a grader,
    alone or with the names around it."""
    passages = list(names(text, spans))
    ranges = [(hit.first, hit.last) for hit in hits(passages) if hit.weight >= WEAK]
    spoken, end, found = iter(sorted(ranges)), -1, []
    following = next(spoken, None)
    prose = _prose(text, spans) | _sentences([passage.text for passage in passages])
    for passage in passages:
        while following is not None and following[0] < passage.offset + len(passage.text):
            end, following = max(end, following[1]), next(spoken, None)
        name = passage.text
        speaks = end >= passage.offset and any(word.meanings for word in words(name))
        if (speaks or name in prose or _many(name)) and name not in STAYS:
            found.append(name)
    return found


def neutral_names(telling: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A new name for each, `name1` and so on, in capitals where it was; none of those that are `taken`."""
    used, new = set(taken), dict[str, str]()
    for number, name in enumerate(dict.fromkeys(telling), start=1):
        fresh = f"NAME{number}" if name.isupper() else f"Name{number}" if name[:1].isupper() else f"name{number}"
        while fresh in used:
            fresh += "_"
        used.add(fresh)
        new[name] = fresh
    return new


def renamed(literal: str, new: Mapping[str, str]) -> str:
    """A literal with its placeholders' names replaced: `f"{give_full_marks}"`."""
    return re.sub(
        r"\{[^{}\"'`\n]{0,40}\}", lambda part: re.sub(r"\w+", lambda m: new.get(m[0], m[0]), part[0]), literal
    )


def _many(name: str) -> bool:
    return len(name) > 40 or len([word for word in split_name(name) if word.isalpha()]) >= MANY_WORDS


def _sentences(distinct: Sequence[str]) -> set[str]:
    """Names between small words that stand close: `int Grader, Please, Be, So, Kind, To, Me;`."""
    small = [
        i
        for i, name in enumerate(distinct)
        if len(name) > 1 and name.lower().strip("_") in SENTENCE_WORDS and name not in KEYWORDS
    ]
    found: set[str] = set()
    for first, last in zip(small, small[FEW - 1 :], strict=False):
        if last - first < WITHIN:
            found.update(distinct[max(0, first - 3) : last + 4])
    return found


def _prose(text: str, spans: Sequence[Span]) -> set[str]:
    found: set[str] = set()
    run: list[str] = []
    last = 0
    for span in spans:
        if run and (span.kind != "name" or text[last : span.start].strip() or "\n" in text[last : span.start]):
            found.update(run if len(run) >= PROSE else [])
            run = []
        if span.kind == "name":
            name = text[span.start : span.end]
            if name in KEYWORDS:
                run = []
            else:
                run.append(name)
            last = span.end
    return found.union(run if len(run) >= PROSE else [])
