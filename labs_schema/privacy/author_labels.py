"""What a text has beside a name, where even a part of one names somebody: `Author:`, `/home/`, `@uni.it`. Knows nobody.

A label speaks of its own line, or of the next where the line has nothing more and the label ends with a colon or is a
tag: `Author:` and `@author`.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from labs_schema.privacy.name_tokens import NameToken

_WHO = (
    r"authors?|autore?s?|autora|auteure?|autorin|verfasser(?:in)?|"
    r"(?:written|made|created|done|coded|developed|programmed|implemented|submitted|prepared) by|"
    r"student|studente|studentessa|estudante|estudiante|étudiant|alumn[oai]|aluno|hecho por|feito por|scritto da|"
    r"realizzato da|geschrieben von|erstellt von"
)
_NAME = (
    r"(?:(?:full|first|last|family|given|student|your) ?)?names?|surname|nome|cognome|nombre|apellidos?|apelido|nom|"
    r"prénom|prenom|(?:vor|nach)?name|matricola|matrikelnummer"
)
_WHO_LABEL = re.compile(
    rf"\b(?:{_WHO})\b[ \t]*+(?:[:=-]|\bis\b)?[ \t]*+|[/\\](?:home|users)[/\\]{{1,2}}|(?:作者|学生)[ \t]*+[:\uff1a]?",
    re.IGNORECASE,
)
_NAME_LABEL = re.compile(rf"\b(?:{_NAME})[ \t]*+:[ \t]*+|(?:姓名|名前)[ \t]*+[:\uff1a]", re.IGNORECASE)
MOST_AFTER_LABEL = 5
"""Words."""
_HOST = re.compile(r"@[\w-]++\.\w")
BORDER = r"*/#!|\\<>\-"
"""For a character class: what comments have at the ends of their lines."""
_NEXT_LINE = re.compile(rf"[\s{BORDER}]{{0,200}}")


def labelled_tokens(text: str, words: Sequence[NameToken]) -> dict[int, bool]:
    """Places in `words`, those of `text`, where a name stands; False where it may be that of something else, as in
    `Name: List`."""
    starts, found = [word.start for word in words], dict[int, bool]()
    for start, sure in _labels(text):
        first = bisect_left(starts, start)
        for i in range(first, min(first + MOST_AFTER_LABEL, len(words))):
            if "\n" in text[start : words[i].start]:
                break
            found[i] = sure or found.get(i, False)
    found.update((i, True) for i, word in enumerate(words) if _HOST.match(text, word.end))
    return found


def _labels(text: str) -> Iterator[tuple[int, bool]]:
    """Where what is labelled begins, and whether it is sure to be a name."""
    for label in _WHO_LABEL.finditer(text):
        yield _behind(text, label), True
    for label in _NAME_LABEL.finditer(text):
        yield _behind(text, label), False


def _behind(text: str, label: re.Match[str]) -> int:
    tag = text[max(0, label.start() - 1) : label.start()] in ("@", "\\")
    if not tag and label.group().rstrip()[-1:] not in (":", "\uff1a"):
        return label.end()
    between = _NEXT_LINE.match(text, label.end())
    next_line = between is not None and between.group().count("\n") == 1
    return between.end() if between and next_line else label.end()
