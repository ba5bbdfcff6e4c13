"""Examples of texts that name a student of the roster, and of texts that do not."""

import pytest

from labs_schema.models import Person, SourceFile, Submission
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import redacted_files, with_redactions

ROSTER = (
    Person(ids=("s2345", "anna.schmidt@uni.example", "20231234"), first="Anna", last="Schmidt"),
    Person(first="Jürgen", last="Müller"),
    Person(first="مُحَمَّد", last="حسن"),
    Person(first="अनिल", last="कुमार"),
    Person(first="Ida", last="Bæk"),
    Person(first="Max", last="Long"),
    Person(first="Sam", last="Right"),
    Person(first="User2", last="Tester2"),
)
EXTENSIONS = {"C": "a.c", "Java": "a.java", "Python": "a.py", "JavaScript": "a.js", "Rust": "a.rs"}


def shown(text: str, language: str) -> str:
    work = Submission(student="", folder="", files=(SourceFile(path=EXTENSIONS[language], text=text),))
    return redacted_files(with_redactions(work, language, NameMatcher(ROSTER)), language)[0].text


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("C", "/*******\n * Anna Schmidt *\n *******/", "/*******\n * student *\n *******/"),
        ("C", "/**Anna Schmidt**/", "/**student**/"),
        ("Java", "/** @author anna */", "/** @author student */"),
        ("Java", "/** {@author Anna} */", "/** {@author student} */"),
        ("Java", "/**\n * @author\n *   anna\n */", "/**\n * @author\n *   student\n */"),
        ("C", "/*! \\author schmidt\n * \\brief x */", "/*! \\author student\n * \\brief x */"),
        ("C", "/* Author:\n     Anna */", "/* Author:\n     student */"),
        ("C", "// Nome: Anna   Cognome: schmidt", "// Nome: student   Cognome: student"),
        ("C", "/* First name: Anna\n * Last name: Schmidt */", "/* First name: student\n * Last name: student */"),
        ("Python", "# implemented by anna", "# implemented by student"),
        ("C", "// Schmidt, Anna; SCHMIDT,ANNA", "// student; student"),
        ("C", "// schmidt (anna)", "// student)"),
        ("C", "// Anna K. Schmidt; ANNA K SCHMIDT", "// student; student"),
        ("C", "// A. Schmidt, Schmidt A.", "// student, student."),
        ("C", "// Juergen Mueller; JURGEN MULLER", "// student; student"),
        ("C", "// Ju\u0308rgen Mu\u0308ller, Ida Baek", "// student, student"),
        ("C", "// ANNA_SCHMIDT_H, anna_schmidt_sort", "// student_H, student_sort"),
        ("C", "// AnnaSchmidt2, annaSchmidt", "// student, student"),
        ("C", "// anna\u00a0schmidt, anna\u2009schmidt", "// student, student"),
        ("C", "// anna \t        \tschmidt", "// student"),
        ("C", "// An\u200bna Sch\u00admidt", "// student"),
        ("C", "// \u200fAnna\u200f Schmidt\u200e!", "// \u200fstudent\u200e!"),
        ("C", "// محمد حسن", "// student"),
        ("C", "// अनिल कुमार", "// student"),
        ("C", "// C:\\\\Users\\\\anna.schmidt\\\\a.c", "// C:\\\\Users\\\\student\\\\a.c"),
        ("C", "// C:\\Users\\aschmidt\\a.c", "// C:\\Users\\student\\a.c"),
        ("C", "// /home/anna/a.c", "// /home/student/a.c"),
        ("C", "// anna.schmidt@uni.example", "// student"),
        ("C", "// anna_schmidt99@mail.example, aschmidt@mail.example", "// student@mail.example, student@mail.example"),
        ("C", "// lab1_S2345_final, 20231234", "// lab1_student_final, student"),
        ("C", "// https://code.example/annaschmidt/anna-schmidt", "// https://code.example/student/student"),
        ("Java", "// package it.uni.annaschmidt.lab1;", "// package it.uni.student.lab1;"),
        ("JavaScript", "// <!-- Anna Schmidt -->", "// <!-- student -->"),
        ("C", "// Anna \\\n   Schmidt\nint x;", "// student \\\n   student\nint x;"),
        ("Python", 'class A: "Anna Schmidt"\ndef f(): """Schmidt"""', 'class A: "student"\ndef f(): """student"""'),
        ("Rust", "//! Anna\n//! Schmidt\n", "//! student\n//! student\n"),
        ("C", '#include "anna_schmidt.h" // Anna Schmidt', '#include "student.h" // student'),
        ("C", "#pragma region Anna Schmidt", "#pragma region student"),
        ("C", "#if 0\nAnna Schmidt\n#endif", "#if 0\nstudent\n#endif"),
    ],
)
def test_text_with_a_name_is_redacted(language: str, text: str, expected: str) -> None:
    assert shown(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("Python", '__author__ = "Anna Schmidt"'),
        ("C", 'puts("Anna Schmidt");'),
        ("C", '#define AUTHOR "Anna Schmidt"'),
        ("C", "int annaSchmidtSort(void), anna_schmidt;"),
        ("Java", "package it.uni.annaschmidt;"),
        ("Java", "if (false) { Anna.Schmidt(); }"),
        ("C", "// A.S., as"),
        ("C", "// Anna, by anna, Anna & Tom"),
        ("C", "// Author: no name, all rights reserved"),
        ("C", "// a User, a Tester"),
        ("C", "// annaSchmidtSort, lab1s2345, s20231234"),
        ("C", "// aschmidt"),
        ("C", "// Max\n// Long"),
        ("C", "// Anna Schmitd, 4nna Schm1dt, A n n a"),
        ("C", "// J&uuml;rgen M&uuml;ller"),
        ("C", "// anna k. schmidt; schmidt; BÆK"),
    ],
)
def test_text_without_a_name_is_unchanged(language: str, text: str) -> None:
    assert shown(text, language) == text
