from labs_schema.hashes import submission_key
from labs_schema.models import HumanGrade, Lab, SourceFile
from labs_schema.reading.validate import load_lab
from prompts.style import PromptStyle
from prompts.verdict import LETTERS, parse_verdict
from tests.harness.courses.lab_folders import write_lab
from training.dataset.pairs import PromptOptions, RatedPrompt, draw_option_orders, rated_submissions

OPTIONS = PromptOptions(style=PromptStyle())


def all_prompts(lab: Lab, **settings: object) -> list[RatedPrompt]:
    return [one for _, prompts in rated_submissions(lab, OPTIONS.model_copy(update=settings)) for one in prompts]


def graded(lab: Lab, *grades: HumanGrade) -> Lab:
    return lab.model_copy(update={"human_grades": grades})


def test_each_rated_criterion_has_the_right_and_all_wrong_verdicts(make_lab) -> None:
    lab = make_lab(students=6)
    for rated in all_prompts(lab):
        options = rated.prompt.options
        student = next(s.student for s in lab.submissions if submission_key(lab.name, s.student) == rated.submission)
        chosen, *wrong = (options[LETTERS.index(parse_verdict(t).letter)] for t in (rated.chosen, *rated.rejected))
        assert chosen == lab.ratings_by_student[student][rated.criterion]
        assert sorted([chosen, *wrong]) == [rating.title for rating in lab.criterion(rated.criterion).ratings]


def test_unrated_criteria_and_submissions_are_skipped(make_lab) -> None:
    lab = make_lab(students=3)
    one, two = lab.criteria
    lab = graded(
        lab,
        HumanGrade(student="s000", criterion=one.title, rating=None, comment="?"),
        HumanGrade(student="s001", criterion=one.title, rating=None),
        HumanGrade(student="s001", criterion=two.title, rating="B"),
    )
    ((submission, prompts),) = rated_submissions(lab, OPTIONS)
    assert submission.student == "s001"
    assert [rated.criterion for rated in prompts] == [two.title]


def test_option_orders_depend_on_program_criterion_and_seed(make_lab) -> None:
    lab = make_lab()
    first = lab.criteria[0].title
    orders = {draw_option_orders(lab, f"k{i}", "shuffled", 0)[first] for i in range(60)}
    assert len(orders) == 6
    assert draw_option_orders(lab, "k1", "shuffled", 0) == draw_option_orders(lab, "k1", "shuffled", 0)
    assert any(
        draw_option_orders(lab, f"k{i}", "shuffled", 0) != draw_option_orders(lab, f"k{i}", "shuffled", 1)
        for i in range(9)
    )
    assert draw_option_orders(lab, "k1", "given", 0)[first] == ("A", "B", "C")


def test_the_reason_is_the_comment_or_else_the_description(make_lab) -> None:
    lab = make_lab(students=1)
    one, two = lab.criteria
    lab = graded(
        lab,
        HumanGrade(student="s000", criterion=one.title, rating="B", comment="Unused variable"),
        HumanGrade(student="s000", criterion=two.title, rating="A"),
    )
    with_comment, without = all_prompts(lab, reasoning=True)
    assert parse_verdict(with_comment.chosen).reasoning == "Unused variable"
    assert [parse_verdict(text).reasoning for text in with_comment.rejected] == ["Without warnings", "No"]
    assert parse_verdict(without.chosen).reasoning == "Yes"
    assert all(parse_verdict(rated.chosen).reasoning is None for rated in all_prompts(lab))


def test_no_student_id_is_in_a_rated_prompt(make_lab) -> None:
    assert not any("s00" in repr(rated) for rated in all_prompts(make_lab(), reasoning=True))


def test_names_are_redacted_in_programs_and_comments(make_lab, tmp_path) -> None:
    lab = make_lab(students=2)
    one = lab.submissions[0]
    files = (SourceFile(path="main.c", text="// Mario Rossi, with s001\nint rossi;\n"),)
    title = lab.criteria[0].title
    grade = HumanGrade(student="s000", criterion=title, rating="A", comment="Well done, Mario Rossi")
    lab = lab.model_copy(update={"submissions": (one.model_copy(update={"files": files}), lab.submissions[1])})
    write_lab(graded(lab, grade), tmp_path / "lab1")
    (tmp_path / "roster.csv").write_text("student,name\ns000,Mario Rossi\n")
    (rated,) = all_prompts(load_lab(tmp_path / "lab1"), reasoning=True)
    assert "// student, with student\nint rossi;" in rated.prompt.text
    assert parse_verdict(rated.chosen).reasoning == "Well done, student"
    assert "Rossi" not in "".join((rated.prompt.system, rated.prompt.text, rated.chosen, *rated.rejected))
