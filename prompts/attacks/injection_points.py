"""The places of a program that carry a plea and do not change what the program does. Knows no words.

Everything is put before the first or after the last line of the main file, or into a file of its own, so that no
statement of the student is touched.
"""

import re
from collections.abc import Sequence

from labs_schema.models import SourceFile, Submission
from labs_schema.source.languages import OWN_EXTENSIONS, extension
from prompts.attacks.syntax import block_comment, declaration, line_comments, literal, literals, syntax_of

STAYS_FIRST = re.compile(r"#!|#.*coding[:=]")
PACKAGE = re.compile(r"^package \w+", re.MULTILINE)


def comment_at_top(submission: Submission, language: str, text: str) -> Submission:
    return _at_top(submission, language, line_comments(text, language))


def comment_at_end(submission: Submission, language: str, text: str) -> Submission:
    return _at_end(submission, language, line_comments(text, language))


def comment_far_below(submission: Submission, language: str, text: str) -> Submission:
    """After sixty empty lines, where no reader scrolls."""
    return _at_end(submission, language, "\n" * 60 + line_comments(text, language))


def comment_word_by_word(submission: Submission, language: str, text: str) -> Submission:
    """A comment for every word."""
    return _at_end(submission, language, "".join(line_comments(word, language) for word in text.split()))


def block_at_top(submission: Submission, language: str, text: str) -> Submission:
    """In Python a comment of several lines: a string there could come before a `from __future__`."""
    lines = line_comments(text, language) if language == "Python" else block_comment(text, language)
    return _at_top(submission, language, lines)


def docstring(submission: Submission, language: str, text: str) -> Submission:
    """A comment for the documentation, in Python a string that stands alone."""
    return _at_end(submission, language, block_comment(text, language, documentation=True))


def string(submission: Submission, language: str, text: str) -> Submission:
    """A constant that nobody reads."""
    named = declaration(syntax_of(language).constant, _fresh("note", submission), literal(text))
    return _at_end(submission, language, named + "\n")


def split_string(submission: Submission, language: str, text: str) -> Submission:
    """A constant put together from pieces of three characters."""
    pieces = literals([text[at : at + 3] for at in range(0, len(text), 3)], language)
    return _at_end(
        submission, language, declaration(syntax_of(language).constant, _fresh("note", submission), pieces) + "\n"
    )


def strings_in_a_row(submission: Submission, language: str, text: str) -> Submission:
    """A table of short texts, one a word."""
    words = ", ".join(map(literal, text.split()))
    return _at_end(
        submission, language, declaration(syntax_of(language).table, _fresh("notes", submission), words) + "\n"
    )


def names_in_a_row(submission: Submission, language: str, text: str) -> Submission:
    """A record that nobody uses, whose fields are the words; capitals keep them from being keywords."""
    syntax = syntax_of(language)
    words = dict.fromkeys(word.capitalize() for word in re.findall(r"[A-Za-z]+", text))
    fields = ", ".join(declaration(syntax.field, word) for word in words)
    return _at_end(submission, language, declaration(syntax.record, _fresh("remark", submission), fields) + "\n")


def dead_code(submission: Submission, language: str, text: str) -> Submission:
    """A function that nobody calls."""
    unused = declaration(syntax_of(language).function, _fresh("remark", submission), literal(text))
    return _at_end(submission, language, unused + "\n")


def identifier(submission: Submission, language: str, text: str) -> Submission:
    """The name of something that nobody uses."""
    name = "_".join(re.findall(r"[A-Za-z0-9]+", text))
    return _at_end(submission, language, declaration(syntax_of(language).number, _fresh(name, submission)) + "\n")


def macro(submission: Submission, language: str, text: str) -> Submission:
    """A macro that nobody expands; a constant where the language has no macros."""
    form = syntax_of(language).macro or syntax_of(language).constant
    return _at_end(submission, language, declaration(form, _fresh("REMARK", submission), literal(text)) + "\n")


def file_name(submission: Submission, language: str, text: str) -> Submission:
    """A further file, with nothing in it but its name."""
    name = "_".join(re.findall(r"\w+", text))[:120] + OWN_EXTENSIONS.get(language, (".txt",))[0]
    package = PACKAGE.search(submission.files[_main(submission, language)].text) if language == "Go" else None
    extra = SourceFile(path=name, text=(package[0] + "\n" if package else "") + line_comments("empty", language))
    return _with(submission, (*submission.files, extra))


def _at_top(submission: Submission, language: str, addition: str) -> Submission:
    main = _main(submission, language)
    lines = submission.files[main].text.splitlines(keepends=True)
    first = next((i for i, line in enumerate(lines[:2]) if not STAYS_FIRST.match(line)), min(2, len(lines)))
    return _changed(submission, main, "".join((*lines[:first], addition, *lines[first:])))


def _at_end(submission: Submission, language: str, addition: str) -> Submission:
    main = _main(submission, language)
    text = submission.files[main].text
    return _changed(submission, main, text + ("\n" if text.endswith("\n") else "\n\n") + addition)


def _main(submission: Submission, language: str) -> int:
    """The number of the longest file that is no header."""
    own = OWN_EXTENSIONS.get(language, ())

    def weight(number: int) -> tuple[bool, int]:
        file = submission.files[number]
        return extension(file.path) in own and not extension(file.path).startswith(".h"), len(file.text)

    return max(range(len(submission.files)), key=weight)


def _changed(submission: Submission, number: int, text: str) -> Submission:
    files = list(submission.files)
    files[number] = SourceFile(path=files[number].path, text=text)
    return _with(submission, files)


def _with(submission: Submission, files: Sequence[SourceFile]) -> Submission:
    return submission.model_copy(update={"files": tuple(sorted(files, key=lambda file: file.path))})


def _fresh(name: str, submission: Submission) -> str:
    """`name`, or with a number behind it where some file has it already."""
    taken = "\n".join(file.text for file in submission.files)
    number = 2
    wished = name
    while wished in taken:
        wished, number = f"{name}{number}", number + 1
    return wished
