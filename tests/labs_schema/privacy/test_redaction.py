"""Redaction replaces names in comments and leaves the rest of a program unchanged."""

import re
import time
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs_schema.hashes import submission_hash
from labs_schema.models import Person, SourceFile, Submission
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import person_from_id, redact_prose, redacted_files, with_redactions
from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.source.languages import LANGUAGES
from labs_schema.source.lexer import lex
from serving.injection import detect

ROSSI = Person(ids=("s123", "mr@uni.example"), first="Mario", last="Rossi")
LONG = Person(ids=("s124",), first="Max", last="Long")
NAMES = NameMatcher([ROSSI, LONG])
LABS = Path(__file__).parents[3] / "labs"
REAL_LABS = LABS.parents[1] / "shared" / "labs"


def submission_of(text: str, path: str = "a.c") -> Submission:
    return Submission(student="s123", folder="s123@c", files=(SourceFile(path=path, text=text),))


def shown(text: str, language: str = "C", path: str = "a.c") -> str:
    return redacted_files(with_redactions(submission_of(text, path), language, NAMES), language)[0].text


def outside(text: str, language: str) -> str:
    """The program without what its comments and docstrings say, and without the names of included files."""
    pieces, end = [], 0
    for span in lex(text, language):
        if span.kind in ("comment", "docstring", "include"):
            included = text[span.start : span.end] if span.kind == "include" else ""
            pieces += [text[end : span.start], re.sub(r'"[^"\n]*', "", included)]
            end = span.end
    return "".join([*pieces, text[end:]])


def test_names_are_redacted_in_comments_but_not_in_code_or_strings() -> None:
    text = (
        '/* Mario Rossi <mr@uni.example>\n * s123 */\nint Rossi(long max) { return puts("Mario Rossi"); } // M. Rossi\n'
    )
    assert shown(text) == (
        '/* student <student>\n * student */\nint Rossi(long max) { return puts("Mario Rossi"); } // student\n'
    )


def test_docstrings_are_redacted_and_the_extension_decides_the_language() -> None:
    text = '"""By Mario Rossi."""\nname = "Mario Rossi"  # Rossi\n'
    expected = '"""By student."""\nname = "Mario Rossi"  # student\n'
    assert shown(text, "Python", "a.py") == shown(text, "C", "a.py") == expected


@pytest.mark.parametrize("text", ["-- {} (s123)", "% by {}", "{{- {} -}}", "' x --\n; {}", 'let s = "{}"'])
def test_unknown_language_is_redacted_everywhere(text: str) -> None:
    assert shown(text.format("Mario Rossi"), "Cobol", "a.cob") == text.format("student").replace("s123", "student")
    assert shown(f'puts("Mario Rossi"); {text}', "SQL", "a.c").startswith('puts("Mario Rossi");')


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("/* Mario\n * Rossi */\nint x;\n", "C", "/* student\n * student */\nint x;\n"),
        ("  // Rossi,\n  // Mario\n  int x;\n", "C", "  // student,\n  // student\n  int x;\n"),
        ("/* Mario    */\r\n/* Rossi    */\r\n", "C", "/* student    */\r\n/* student    */\r\n"),
        ('"""Mario\n  Rossi"""\n# Mario\n# Rossi\n', "Python", '"""student\n  student"""\n# student\n# student\n'),
        ("// Mario \\\nRossi\nint Rossi;", "C", "// student \\\nstudent\nint Rossi;"),
        ("// M.\n// Rossi\n", "C", "// M.\n// student\n"),
        ("// Mario\n\n// Rossi\n", "C", "// Mario\n\n// student\n"),
        ("int a; // Mario\nint b; // Rossi\n", "C", "int a; // Mario\nint b; // student\n"),
        ("// the Max\n// Long lists have\n", "C", "// the Max\n// Long lists have\n"),
    ],
)
def test_name_across_two_lines_is_redacted_without_moving_lines(text: str, language: str, expected: str) -> None:
    assert shown(text, language, "a.txt") == expected


def test_thousands_of_spellings_of_one_name_take_linear_time() -> None:
    ways = ("".join(each) for each in product(" \t", repeat=13))
    work = with_redactions(submission_of("/*" + ", ".join(f"Mario{blanks}Rossi" for blanks in ways) + "*/"), "C", NAMES)
    assert len(work.redactions) == 2**13
    start = time.process_time()
    assert "Rossi" not in redacted_files(work, "C")[0].text
    assert time.process_time() - start < 1


def test_code_dropped_by_the_preprocessor_is_redacted_like_a_comment() -> None:
    text = "#if 0 // s123\nMario Rossi can't {n}\n#else\nint {n};\n#endif\n#if X\nint {n};\n#endif // {n}\n"
    before = text.replace("{n}", "MarioRossi")
    after = "#if 0 // student\nstudent can't student\n#else\nint MarioRossi;\n#endif\n#if X\nint MarioRossi;\n"
    assert shown(before) == shown(before, "C++") == after + "#endif // student\n"
    assert shown(before, "Java", "a.java") == before.replace("// s123", "// student").replace(
        "// MarioRossi", "// student"
    )


def test_include_path_is_redacted_like_the_file_path() -> None:
    files = (SourceFile(path="rossi.h", text=""), SourceFile(path="a.c", text='#include "rossi.h" // Mario Rossi\n'))
    header, source = redacted_files(
        with_redactions(submission_of("").model_copy(update={"files": files}), "C", NAMES), "C"
    )
    assert (header.path, source.text) == ("student.h", '#include "student.h" // student\n')
    assert shown("#include <rossi.h>\n") == "#include <rossi.h>\n"


def test_file_paths_are_redacted() -> None:
    work = with_redactions(submission_of("int x;", "rossi_s123/MarioRossi.java"), "Java", NAMES)
    assert [file.path for file in redacted_files(work, "Java")] == ["student_student/student.java"]


def test_student_id_is_redacted_without_a_roster() -> None:
    work = with_redactions(
        submission_of("// s123 wrote this, s12 and s1234 did not\n"),
        "C",
        NameMatcher([person_from_id("s123", "s123@c")]),
    )
    assert redacted_files(work, "C")[0].text == "// student wrote this, s12 and s1234 did not\n"


def test_submission_hash_without_redactions_is_that_of_its_files() -> None:
    plain, named = submission_of("int x;"), submission_of("int x; // Mario Rossi")
    assert with_redactions(plain, "C", NAMES) == plain
    assert submission_hash(with_redactions(named, "C", NAMES)) != submission_hash(named)


def test_names_in_ta_comments_are_redacted() -> None:
    assert redact_prose("Well done, Mario Rossi! (s123)", NAMES) == "Well done, student! (student)"


CODE = ("int Rossi;", 'puts("Mario Rossi");', "#define MARIO_ROSSI", "#if 1", "#endif", "Mario", "Rossi", "")
SAID = (
    "// Mario Rossi",
    "// Mario\n// Rossi",
    "/* Mario\n * Rossi */",
    "/* by Mario */ /* Rossi */",
    "#if 0\nMario Rossi's /*\n*/\n#if X\nMarioRossi\n#endif\nMario\nRossi\n#endif",
    '#include "mario_rossi.h"',
)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(CODE).map(lambda line: (True, line)), st.tuples(st.just(False), st.sampled_from(SAID))
        )
    )
)
def test_redaction_keeps_code_and_leaves_no_names_in_comments(parts: list[tuple[bool, str]]) -> None:
    work = with_redactions(submission_of("\n".join(text for _, text in parts)), "C", NAMES)
    (after,) = redacted_files(work, "C")
    lines = iter(after.text.split("\n"))
    for code, text in parts:
        now = [next(lines) for _ in text.split("\n")]
        assert now == [text] if code else not re.search("mario|rossi", "".join(now), re.IGNORECASE)
    assert next(lines, None) in (None, "")


NAMED = ("Mario Rossi", "Mario", "rossi", "Rossi", "M. Rossi", "Long", "s123", "Author: Long", "mr@uni.example", "é")
LEXED = (*"\"'#\\x`=().-\n ", '"""', "'''", "//", "/*", "*/", 'R"(', ')"', 'r#"')
PIECES = st.sampled_from([*NAMED, *LEXED])


@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from([*LANGUAGES, "unknown"]))
def test_redaction_never_changes_code_or_moves_lines(text: str, language: str) -> None:
    work = with_redactions(submission_of(text, "a.txt"), language, NAMES)
    files = redacted_files(work, language)
    after = files[0].text
    assert with_redactions(work, language, NAMES) == work
    assert redacted_files(work.model_copy(update={"files": files}), language) == files
    if language in LANGUAGES:
        assert outside(after, language) == outside(text, language)
    assert after.count("\n") == text.count("\n")


def test_sample_lab_code_survives_redacting_every_comment_word() -> None:
    assert hidden_words(LABS, every=1) > 50


@pytest.mark.slow
@pytest.mark.skipif(not REAL_LABS.is_dir(), reason="no real labs here")
def test_real_lab_code_survives_redacting_every_comment_word() -> None:
    assert hidden_words(REAL_LABS, every=5) > 1_000


def hidden_words(labs: Path, every: int) -> int:
    """The number of redacted words. Checks the code and the findings of every `step`-th program."""
    hidden = 0
    for folder in lab_folders(labs):
        lab = load_lab(folder)
        for submission in lab.submissions[::every]:
            text = "".join(comment for file in submission.files for comment in comments(file.text, lab.language))
            work = submission.model_copy(update={"redactions": tuple(set(re.findall(r"[^\W_]+", text)))})
            assert detect(work, lab.language) == detect(submission, lab.language)
            for before, after in zip(work.files, redacted_files(work, lab.language), strict=True):
                assert outside(after.text, lab.language) == outside(before.text, lab.language)
                assert after.text.count("\n") == before.text.count("\n")
            hidden += len(work.redactions)
    return hidden


def comments(text: str, language: str) -> list[str]:
    return [text[span.start : span.end] for span in lex(text, language) if span.kind in ("comment", "docstring")]
