"""What is hidden of a program, and that everything else of it stays byte for byte as it is."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs_schema.hashes import submission_hash
from labs_schema.hiding import hidden_in_prose, noted, person_of, shown_files
from labs_schema.languages import LANGUAGES
from labs_schema.lexing import spans
from labs_schema.models import Person, SourceFile, Submission
from labs_schema.naming import Names
from labs_schema.validate import lab_folders, load_lab
from serving.suspicion import suspicions

ROSSI = Person(ids=("s123", "mr@uni.example"), first="Mario", last="Rossi")
LONG = Person(ids=("s124",), first="Max", last="Long")
NAMES = Names([ROSSI, LONG])
LABS = Path(__file__).parents[2] / "labs"
REAL_LABS = LABS.parents[1] / "shared" / "labs"


def handed_in(text: str, path: str = "a.c") -> Submission:
    return Submission(student="s123", folder="s123@c", files=(SourceFile(path=path, text=text),))


def shown(text: str, language: str = "C", path: str = "a.c") -> str:
    return shown_files(noted(handed_in(text, path), language, NAMES), language)[0].text


def outside(text: str, language: str) -> list[str]:
    """The program without what its comments and docstrings say."""
    pieces, end = [], 0
    for span in spans(text, language):
        if span.kind in ("comment", "docstring"):
            pieces.append(text[end : span.start])
            end = span.end
    return [*pieces, text[end:]]


def test_names_are_hidden_in_comments_and_not_in_code_or_strings() -> None:
    text = (
        '/* Mario Rossi <mr@uni.example>\n * s123 */\nint Rossi(long max) { return puts("Mario Rossi"); } // M. Rossi\n'
    )
    assert shown(text) == (
        '/* student <student>\n * student */\nint Rossi(long max) { return puts("Mario Rossi"); } // student\n'
    )


def test_a_docstring_is_a_comment_and_a_file_is_read_in_its_own_language() -> None:
    text = '"""By Mario Rossi."""\nname = "Mario Rossi"  # Rossi\n'
    expected = '"""By student."""\nname = "Mario Rossi"  # student\n'
    assert shown(text, "Python", "a.py") == shown(text, "C", "a.py") == expected


@pytest.mark.parametrize("text", ["-- {} (s123)", "% by {}", "{{- {} -}}", "' x --\n; {}", 'let s = "{}"'])
def test_where_nobody_knows_what_a_comment_is_names_are_hidden_everywhere(text: str) -> None:
    assert shown(text.format("Mario Rossi"), "SQL", "a.sql") == text.format("student").replace("s123", "student")
    assert shown(f'puts("Mario Rossi"); {text}', "SQL", "a.c").startswith('puts("Mario Rossi");')


def test_a_file_s_path_is_shown_without_its_owner() -> None:
    work = noted(handed_in("int x;", "rossi_s123/MarioRossi.java"), "Java", NAMES)
    assert [file.path for file in shown_files(work, "Java")] == ["student_student/student.java"]


def test_an_id_is_hidden_without_any_roster() -> None:
    work = noted(handed_in("// s123 wrote this, s12 and s1234 did not\n"), "C", Names([person_of("s123", "s123@c")]))
    assert shown_files(work, "C")[0].text == "// student wrote this, s12 and s1234 did not\n"


def test_the_hash_of_work_in_which_nothing_is_hidden_is_that_of_its_files() -> None:
    plain, named = handed_in("int x;"), handed_in("int x; // Mario Rossi")
    assert noted(plain, "C", NAMES) == plain
    assert submission_hash(noted(named, "C", NAMES)) != submission_hash(named)


def test_a_ta_s_remark_loses_its_names() -> None:
    assert hidden_in_prose("Well done, Mario Rossi! (s123)", NAMES) == "Well done, student! (student)"


NAMED = ("Mario Rossi", "rossi", "Rossi", "M. Rossi", "Long", "s123", "Author: Long", "mr@uni.example", "é")
LEXED = (*"\"'#\\x`=().-\n ", '"""', "'''", "//", "/*", "*/", 'R"(', ')"', 'r#"')
PIECES = st.sampled_from([*NAMED, *LEXED])


@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from([*LANGUAGES, "unknown"]))
def test_no_text_outside_of_comments_changes_and_no_line_moves(text: str, language: str) -> None:
    after = shown(text, language, "a.txt")
    if language in LANGUAGES:
        assert outside(after, language) == outside(text, language)
    assert after.count("\n") == text.count("\n")


def test_on_the_sample_labs_code_stays_though_every_word_of_the_comments_were_a_name() -> None:
    assert hidden_words(LABS, every=1) > 50


@pytest.mark.slow
@pytest.mark.skipif(not REAL_LABS.is_dir(), reason="no real labs here")
def test_on_real_labs_code_stays_though_every_word_of_the_comments_were_a_name() -> None:
    assert hidden_words(REAL_LABS, every=5) > 1_000


def hidden_words(labs: Path, every: int) -> int:
    """How many words were hidden, having looked at every so manieth program: its code, and what is suspicious in it."""
    hidden = 0
    for folder in lab_folders(labs):
        lab = load_lab(folder)
        for submission in lab.submissions[::every]:
            said = "".join(comment for file in submission.files for comment in comments(file.text, lab.language))
            work = submission.model_copy(update={"hidden": tuple(set(re.findall(r"[^\W_]+", said)))})
            assert suspicions(work, lab.language) == suspicions(submission, lab.language)
            for before, after in zip(work.files, shown_files(work, lab.language), strict=True):
                assert outside(after.text, lab.language) == outside(before.text, lab.language)
                assert after.text.count("\n") == before.text.count("\n")
            hidden += len(work.hidden)
    return hidden


def comments(text: str, language: str) -> list[str]:
    return [text[span.start : span.end] for span in spans(text, language) if span.kind in ("comment", "docstring")]
