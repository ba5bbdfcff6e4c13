"""Injection points: places in a program that hold text without changing its behaviour.

Text goes before the first or after the last line of the main file, or into a new file, so that none of the student's
statements changes.
"""

import re
from collections.abc import Sequence

from labs_schema.models import SourceFile, Submission
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from labs_schema.source.languages import OWN_EXTENSIONS, extension
from prompts.attacks.syntax import block_comment, declaration, line_comments, literal, literals, syntax_of

ADDED_TEST = CheckResult(check="an added test", kind=CheckKind.TEST, outcome=Outcome.FAILED, expected="", visible=True)
"""Visible: prompts have no text of hidden tests."""
STAYS_FIRST = re.compile(r"#!|#.*coding[:=]|#lang\b|<\?php\s*$")
PACKAGE = re.compile(r"^package \w+", re.MULTILINE)


def comment_at_top(submission: Submission, language: str, text: str) -> Submission:
    return _at_top(submission, language, line_comments(text, language))


def comment_at_end(submission: Submission, language: str, text: str) -> Submission:
    return _at_end(submission, language, line_comments(text, language))


def comment_far_below(submission: Submission, language: str, text: str) -> Submission:
    """A comment after sixty empty lines, out of a reader's view."""
    return _at_end(submission, language, "\n" * 60 + line_comments(text, language))


def comment_word_by_word(submission: Submission, language: str, text: str) -> Submission:
    """One comment per word."""
    return _at_end(submission, language, "".join(line_comments(word, language) for word in text.split()))


def block_at_top(submission: Submission, language: str, text: str) -> Submission:
    """A block comment; in Python line comments, because a string could precede a `from __future__` import."""
    lines = line_comments(text, language) if language == "Python" else block_comment(text, language)
    return _at_top(submission, language, lines)


def docstring(submission: Submission, language: str, text: str) -> Submission:
    """A documentation comment, in Python a string expression."""
    return _at_end(submission, language, block_comment(text, language, documentation=True))


def string(submission: Submission, language: str, text: str) -> Submission:
    """An unused constant."""
    named = declaration(syntax_of(language).constant, _fresh("note", submission), literal(text))
    return _at_end(submission, language, named + "\n")


def split_string(submission: Submission, language: str, text: str) -> Submission:
    """An unused constant concatenated from pieces of three characters."""
    pieces = literals([text[at : at + 3] for at in range(0, len(text), 3)], language)
    return _at_end(
        submission, language, declaration(syntax_of(language).constant, _fresh("note", submission), pieces) + "\n"
    )


def strings_in_a_row(submission: Submission, language: str, text: str) -> Submission:
    """An unused table of strings, one per word."""
    words = ", ".join(map(literal, text.split()))
    return _at_end(
        submission, language, declaration(syntax_of(language).table, _fresh("notes", submission), words) + "\n"
    )


def names_in_a_row(submission: Submission, language: str, text: str) -> Submission:
    """An unused record with the words as fields; capitalised, because a keyword cannot be a field."""
    syntax = syntax_of(language)
    words = dict.fromkeys(word.capitalize() for word in re.findall(r"[A-Za-z]+", text))
    fields = ", ".join(declaration(syntax.field, word) for word in words)
    return _at_end(submission, language, declaration(syntax.record, _fresh("remark", submission), fields) + "\n")


def dead_code(submission: Submission, language: str, text: str) -> Submission:
    """An unused function."""
    unused = declaration(syntax_of(language).function, _fresh("remark", submission), literal(text))
    return _at_end(submission, language, unused + "\n")


def identifier(submission: Submission, language: str, text: str) -> Submission:
    """The name of an unused constant."""
    name = "_".join(re.findall(r"[A-Za-z0-9]+", text))
    return _at_end(submission, language, declaration(syntax_of(language).number, _fresh(name, submission)) + "\n")


def macro(submission: Submission, language: str, text: str) -> Submission:
    """An unused macro; a constant in languages without macros."""
    form = syntax_of(language).macro or syntax_of(language).constant
    return _at_end(submission, language, declaration(form, _fresh("REMARK", submission), literal(text)) + "\n")


def program_output(submission: Submission, language: str, text: str) -> Submission:
    """The output of the first failed test, computed so that the source does not show it. Outcomes do not change; where
    no test failed or was observed, one is added, as for the control text."""
    del language
    observed = submission.observations or SubmissionObservations(submission="0" * 64, results=())
    failed = next((test for test in observed.tests if not test.passed), ADDED_TEST)
    others = (each for each in observed.results if each.check != failed.check)
    results = (failed.model_copy(update={"actual": text}), *others)
    return submission.model_copy(update={"observations": observed.model_copy(update={"results": results})})


def file_name(submission: Submission, language: str, text: str) -> Submission:
    """The name of an additional empty file."""
    name = "_".join(re.findall(r"\w+", text))[:120] + OWN_EXTENSIONS.get(language, (".txt",))[0]
    package = PACKAGE.search(submission.files[main_file(submission, language)].text) if language == "Go" else None
    extra = SourceFile(path=name, text=(package[0] + "\n" if package else "") + line_comments("empty", language))
    return _with(submission, (*submission.files, extra))


def own_file(submission: Submission, text: str) -> Submission:
    """An additional text file, for a program whose comments are unknown."""
    return _with(
        submission, (*submission.files, SourceFile(path=_fresh("notes", submission) + ".txt", text=f"{text}\n"))
    )


def _at_top(submission: Submission, language: str, addition: str) -> Submission:
    main = main_file(submission, language)
    lines = submission.files[main].text.splitlines(keepends=True)
    first = next((i for i, line in enumerate(lines[:2]) if not STAYS_FIRST.match(line)), min(2, len(lines)))
    if language == "PHP" and not any("<?php" in line for line in lines[:first]):
        addition = f"<?php\n{addition}?>\n"
    return _changed(submission, main, "".join((*lines[:first], addition, *lines[first:])))


def _at_end(submission: Submission, language: str, addition: str) -> Submission:
    main = main_file(submission, language)
    text = submission.files[main].text
    if language == "PHP" and text.rfind("?>") >= text.rfind("<?"):  # what follows would be printed
        addition = f"<?php\n{addition}"
    return _changed(submission, main, text + ("\n" if text.endswith("\n") else "\n\n") + addition)


def main_file(submission: Submission, language: str) -> int:
    """The index of the longest file that is not a header."""
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
    """`name`, with a number appended if some file contains it."""
    taken = "\n".join(file.text for file in submission.files)
    number = 2
    unused = name
    while unused in taken:
        unused, number = f"{name}{number}", number + 1
    return unused
