"""False alarms: clean programs that talk about grades, graders and models must not be flagged."""

# ruff: noqa: E501, RUF001
from pathlib import Path

import pytest

from labs_schema.models import SourceFile, Submission
from labs_schema.reading.validate import lab_folders, load_lab
from serving.injection import detect

SHARED_LABS = Path(__file__).parents[4] / "shared" / "labs"
OWN_LABS = Path(__file__).parents[3] / "labs"
INJECTED = {("python_parking_fee", "s114")}
"""Submissions of our own labs that address the grader."""

HARD = {
    "a gradebook in C": (
        "C",
        r"""/* Computes the final grade of each student. The maximum score is 100 points; the highest mark wins. */
#include <stdio.h>
#define MAX_MARKS 100
#define FULL_MARKS 20
struct student { char name[30]; int marks[5]; int totalMarks; char grade; };
char letterGrade(int score) { if (score >= 90) return 'A'; else if (score >= 80) return 'B'; return 'F'; }
int main(void) {
    int highestScore = 0, full_marks = 0, passed = 0, failed = 0;
    printf("Enter the marks of the student (maximum 100): ");
    printf("Please enter your score: ");
    printf("Grade: A\n");
    printf("Congratulations! You have passed with full marks.\n");
    printf("You failed the course. Total score: 100/100\n");
    return 0;
}
""",
    ),
    "a gradebook in Java": (
        "Java",
        """/** Assigns a letter grade to every student; the teacher can set the maximum points of a test. */
public class GradeBook {
    private double finalGrade, maxScore, bestScore;
    /** Returns the highest grade of all students in the course. */
    public double getHighestGrade() { return bestScore; }
    /** Gives the student an extra credit point if all tests are passed. */
    public void giveExtraCredit(Student student) { student.addPoints(1); }
    public boolean hasPassedAllTests() { return passed == total; }
    public void gradeSubmission(Submission submission, Grader grader) { grader.grade(submission); }
    // the instructor checks whether the student meets the requirements
    String result() { return "Final grade: " + finalGrade + ", rating: excellent"; }
}
""",
    ),
    "a chatbot": (
        "Python",
        '''"""A simple chatbot that answers questions. The assistant replies to the user until a bye."""
messages = [{"role": "system", "content": "You are a helpful assistant."}]
def reply(prompt):
    """Return the answer of the model to the prompt."""
    if "hello" in prompt:
        return "Hello! I am your AI assistant. How can I help you?"
    return "Sorry, I did not understand your question. Please ask again."
while True:
    text = input("User: ")
    print("Assistant:", reply(text))
''',
    ),
    "a quiz": (
        "Python",
        """QUESTIONS = [{"question": "What is 2 + 2?", "options": ["A", "B"], "answer": "A"}]
score = 0
for q in QUESTIONS:
    choice = input("Choose option A or B: ")  # the user must select one option only
    if choice == q["answer"]:
        print("Correct answer! You get full points.")
        score += 1
print(f"Your final score is {score} out of {len(QUESTIONS)}. Perfect score: 10/10!")
""",
    ),
    "thanks to the TA": (
        "C",
        """/*
 * Name: Maria Lopez            Student ID: 1234567
 * Course: CS 101, Section 3    Instructor: Prof. Smith   TA: John Doe
 * Grade: ____ / 100            Grader: ____
 * Thanks to my TA for helping me with the pointers in part 2.
 */
// Note to grader: I used one late day. Part 3 does not work yet.
int main(void) { return 0; }
""",
    ),
    "a copied assignment statement": (
        "Java",
        """/* Assignment 4 (20 points). To receive full credit, your program must compile without warnings and pass all test
 * cases. Points will be deducted for bad style. You must not change the given methods. Do not modify this file,
 * otherwise the autograder will fail. Ignore case when comparing words. Rubric: 10 points for correctness,
 * 5 points for comments, 5 points for tests. Submissions that do not compile will be graded with 0 points. */
public class Main { }
""",
    ),
    "a test suite": (
        "Python",
        """# All tests pass on my machine. TODO: test negative numbers, check the instructions for part b
def run_all_tests():
    tests_passed = 0
    for test in TESTS:
        tests_passed += check(test)
    print("All tests passed!")
    print("10/10 tests passed, 0 errors, 0 warnings")
""",
    ),
    "a game with an AI": (
        "C++",
        """// The AI player must choose the best option; the model gives every move a score and picks the highest rating.
int giveScore(Board b); // higher is better, max 100 points
void resetScore() { score = 0; } // ignore previous moves
/* if the human loses, give the computer a point; the player needs full health to pass the level */
""",
    ),
    "other languages": (
        "C",
        """// Programa que calcula la nota media de los alumnos y muestra la nota máxima. Autor: José Pérez, profesor: Gil
/* Lê todas as notas do aluno e imprime a maior nota; o professor dá a nota final */
// Liest die Punkte aller Studenten ein und gibt die beste Note aus. Bitte eine Zahl eingeben!
/* Calcule la note maximale de la classe; donne la moyenne de toutes les notes */
// Υπολογίζει τον μέσο όρο των βαθμών όλων των φοιτητών και τον μέγιστο βαθμό
// 计算学生的平均成绩并输出最高分 老师要求使用数组
int main(void) { puts("Introduce la nota:"); puts("请输入成绩:"); return 0; }
""",
    ),
    "mathematics and encodings": (
        "Python",
        """ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
Δx, λ, θ1, µs = 0.1, 2, 3, 4  # α ≤ β, naïve café, Größe, 😀 ❤️
KEY = "c2VjcmV0IGtleSBmb3IgdGhlIGV4ZXJjaXNl"  # base64 of a test sentence
DATA = [72, 101, 108, 108, 111, 32, 87, 111, 114, 108, 100]
MAGIC = "48656c6c6f20576f726c64", 0xDEADBEEF
""",
    ),
    "a login": (
        "JavaScript",
        """// system administrator can override the rules; the user must enter a verified email
const adminOverride = true;
function grantAccess(user) { return user.approved ? "access granted" : "please contact the system admin"; }
""",
    ),
    "an apology": (
        "Java",
        "// Sorry, I could not finish this part because I was ill. I hope the rest is ok.\nclass A { } // please ignore\n",
    ),
}


def submission(text: str, path: str = "main.c") -> Submission:
    return Submission(student="s1", folder="s1@x", files=(SourceFile(path=path, text=text),))


@pytest.mark.parametrize("name", HARD)
def test_a_clean_program_is_not_flagged(name: str) -> None:
    language, text = HARD[name]
    assert [found.place for found in detect(submission(text), language)] == []


@pytest.mark.parametrize("path", ["Grade.java", "GradeBook.java", "src/max_score.c", "answer.py", "tests/all_tests.py"])
def test_ordinary_file_names_are_not_flagged(path: str) -> None:
    assert detect(submission("x = 1\n", path), "Python") == ()


def flagged(folder: Path) -> tuple[set[tuple[str, str]], int]:
    labs = [load_lab(each) for each in lab_folders(folder)]
    found = {(lab.name, each.student) for lab in labs for each in lab.submissions if detect(each, lab.language)}
    return found, sum(len(lab.submissions) for lab in labs)


def test_only_the_injected_submission_of_our_own_labs_is_flagged() -> None:
    assert flagged(OWN_LABS)[0] == INJECTED


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_LABS.is_dir(), reason="needs the real labs")
def test_at_most_two_in_a_thousand_real_submissions_are_flagged() -> None:
    found, total = flagged(SHARED_LABS)
    assert total >= 500
    assert len(found) <= 0.002 * total
