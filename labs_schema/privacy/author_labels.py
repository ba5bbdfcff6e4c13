"""Labels that announce a name, such as `Author:`, `/home/` and `@uni.it`. After one, even a part of a name matches.

A label covers the rest of its line. It covers the next line instead if nothing follows it on its own line and it ends
with a colon or is a tag: `Author:` and `@author`.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from labs_schema.privacy.name_tokens import NameToken

_AUTHOR = (
    r"authors?|autore?s?|autora|auteure?|autorin|verfasser(?:in)?|"
    r"(?:written|made|created|done|coded|developed|programmed|implemented|submitted|prepared) by|"
    r"student|studente|studentessa|estudante|estudiante|étudiant|alumn[oai]|aluno|hecho por|feito por|scritto da|"
    r"realizzato da|geschrieben von|erstellt von"
)
_NAME = (
    r"(?:(?:full|first|last|family|given|student|your) ?)?names?|surname|nome|cognome|nombre|apellidos?|apelido|nom|"
    r"prénom|prenom|(?:vor|nach)?name|matricola|matrikelnummer"  # codespell:ignore vor
)
_AUTHOR_LABEL = re.compile(
    rf"\b(?:{_AUTHOR})\b[ \t]*+(?:[:=-]|\bis\b)?[ \t]*+|[/\\](?:home|users)[/\\]{{1,2}}|(?:作者|学生)[ \t]*+[:\uff1a]?",
    re.IGNORECASE,
)
_NAME_LABEL = re.compile(rf"\b(?:{_NAME})[ \t]*+:[ \t]*+|(?:姓名|名前)[ \t]*+[:\uff1a]", re.IGNORECASE)
MAX_LABELLED_TOKENS = 5
_HOST = re.compile(r"@[\w-]++\.\w")
COMMENT_BORDER = r"*/#!|\\<>\-"
"""For a character class: characters that decorate the line ends of comments."""
_NEXT_LINE = re.compile(rf"[\s{COMMENT_BORDER}]{{0,200}}")


def labelled_tokens(text: str, tokens: Sequence[NameToken]) -> dict[int, bool]:
    """Indices in `tokens` (those of `text`) that follow a label.

    False if the label may announce something other than a person, as in `Name: List`.
    """
    starts, found = [token.start for token in tokens], dict[int, bool]()
    for start, sure in _labels(text):
        first = bisect_left(starts, start)
        for i in range(first, min(first + MAX_LABELLED_TOKENS, len(tokens))):
            if "\n" in text[start : tokens[i].start]:
                break
            found[i] = sure or found.get(i, False)
    found.update((i, True) for i, token in enumerate(tokens) if _HOST.match(text, token.end))
    return found


def _labels(text: str) -> Iterator[tuple[int, bool]]:
    """Start of each labelled text, and whether it is certainly a name."""
    for label in _AUTHOR_LABEL.finditer(text):
        yield _label_end(text, label), True
    for label in _NAME_LABEL.finditer(text):
        yield _label_end(text, label), False


def _label_end(text: str, label: re.Match[str]) -> int:
    tag = text[max(0, label.start() - 1) : label.start()] in ("@", "\\")
    if not tag and label.group().rstrip()[-1:] not in (":", "\uff1a"):
        return label.end()
    between = _NEXT_LINE.match(text, label.end())
    next_line = between is not None and between.group().count("\n") == 1
    return between.end() if between and next_line else label.end()
