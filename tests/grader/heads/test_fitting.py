"""A head from labs to grades, on made-up hidden states."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from grader.heads.base import HeadBase
from grader.heads.fitting import HeadSettings, RatedLab, fit_lab_heads, read_features
from grader.heads.session import estimate
from labs_schema.errors import ModelError
from labs_schema.hashes import files_hash
from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from serving.api.routes.health import PROBE_LAB
from serving.engines.engine import EngineFailure, LabelScores, Query, ScoreRequest
from serving.head.head import INFO, WEIGHTS, Head, read_head, write_head
from serving.head.head_engine import HeadEngine
from tests.grader.heads.conftest import HashedStates
from training.head.basis import Programs
from training.head.fit import fit_head
from training.head.regression import Examples

Fit = Callable[[Sequence[Lab]], Head]


@pytest.fixture
def fit(base: HeadBase) -> Fit:
    """Fits on the first lab's ratings, with the programs of all."""
    return lambda labs: fitted(labs, base)


def fitted(labs: Sequence[Lab], base: HeadBase) -> Head:
    features = read_features([(lab, lab.submissions) for lab in labs], base, seed=0)
    first, *others = labs
    rated = [RatedLab(first, first.submissions, first.ratings_by_student)]
    rated += [RatedLab(lab, lab.submissions, {}) for lab in others]
    return fit_lab_heads(rated, features, base, HeadSettings())[0]


def answers(head: Head, lab: Lab, criterion: Criterion, options: Sequence[str] | None = None) -> list[object]:
    titles = tuple(options or (rating.title for rating in criterion.ratings))
    requests = [
        ScoreRequest((1,), (1,) * len(titles), query=Query(lab, submission, criterion, titles))
        for submission in lab.submissions
    ]
    return list(HeadEngine(head, HashedStates(), 100).score(requests))


def observed(lab: Lab, every: int = 1) -> Lab:
    """Each `every`th submission with a test that passed where the TA rated the second criterion A."""
    submissions = []
    for number, each in enumerate(lab.submissions):
        given = lab.ratings_by_student[each.student][lab.criteria[1].title]
        outcome = Outcome.PASSED if given == "A" else Outcome.FAILED
        result = CheckResult(check="prints the answer", kind=CheckKind.TEST, outcome=outcome)
        found = SubmissionObservations(submission=files_hash(each), results=(result,))
        submissions.append(each if number % every else each.model_copy(update={"observations": found}))
    return lab.model_copy(update={"submissions": tuple(submissions)})


def agreement(found: Sequence[object], lab: Lab, criterion: Criterion) -> float:
    given = [lab.ratings_by_student[s.student][criterion.title] for s in lab.submissions]
    scores = [each for each in found if isinstance(each, LabelScores)]
    chosen = [criterion.ratings[int(np.argmax(each.logprobs))].title for each in scores]
    return sum(a == b for a, b in zip(given, chosen, strict=True)) / len(given)


def test_a_head_rates_another_lab_by_what_it_learned(labs: list[Lab], fit: Fit) -> None:
    head = fit(labs)
    readable = labs[1].criteria[1]
    found = answers(head, labs[1], readable)
    assert agreement(found, labs[1], readable) > 0.9
    first = found[0]
    assert isinstance(first, LabelScores)
    assert first.sources["code tokens"] > 0
    assert sum(np.exp(first.logprobs)) == pytest.approx(1)


def test_options_may_be_in_any_order(labs: list[Lab], fit: Fit) -> None:
    head, readable = fit(labs), labs[1].criteria[1]
    given = answers(head, labs[1], readable, ("A", "B"))
    turned = answers(head, labs[1], readable, ("B", "A"))
    assert [each.logprobs[::-1] for each in turned] == [each.logprobs for each in given]  # type: ignore[attr-defined]


def test_a_new_criterion_is_rated_like_similar_ones_with_as_many_ratings(labs: list[Lab], fit: Fit) -> None:
    head, readable = fit(labs), labs[1].criteria[1]
    new = readable.model_copy(update={"title": "Are the names clear?"})
    assert agreement(answers(head, labs[1], new), labs[1], readable) > 0.9
    assert all(isinstance(each, EngineFailure) for each in answers(head, labs[1], labs[1].criteria[0]))


def test_a_head_that_knows_only_criteria_with_three_ratings_answers_the_readiness_probe(
    labs: list[Lab], fit: Fit
) -> None:
    lab, readable = labs[0], labs[0].criteria[1]
    three = readable.model_copy(update={"ratings": (*readable.ratings, Rating(title="never given"))})
    head = fit([lab.model_copy(update={"criteria": (three,)})])
    found = [answers(head, lab, criterion)[0] for criterion in PROBE_LAB.criteria]
    assert [isinstance(each, LabelScores) for each in found] == [False, True, False, False]


def test_a_written_head_gives_the_same_answers(labs: list[Lab], fit: Fit, tmp_path: Path) -> None:
    head = fit(labs)
    write_head(head, tmp_path)
    again = read_head(tmp_path)
    assert answers(again, labs[1], labs[1].criteria[1]) == answers(head, labs[1], labs[1].criteria[1])


def test_the_same_ratings_give_the_same_files(labs: list[Lab], fit: Fit, tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_head(fit(labs), tmp_path / name)
    for file in (INFO, WEIGHTS):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_a_head_learns_from_soft_labels_and_is_measured_on_ratings_of_tas(labs: list[Lab], base: HeadBase) -> None:
    lab, readable = labs[0], labs[0].criteria[1]
    features = read_features([(lab, lab.submissions)], base, seed=0)
    rated, *rest = lab.ratings_by_student.items()
    soft = {
        student: {readable.title: {r.title: 0.9 if r.title == given[readable.title] else 0.1 for r in readable.ratings}}
        for student, given in rest
    }
    head, held_out = fit_lab_heads(
        [RatedLab(lab, lab.submissions, dict([rated]), soft)], features, base, HeadSettings()
    )
    assert agreement(answers(head, lab, readable), lab, readable) > 0.9
    assert [each.student for each in held_out] == [rated[0]]
    assert head.info.rated == {lab.name: 1}
    assert 0 < head.info.settings["soft_weight"] < 1


def test_evidence_rates_programs_with_uninformative_code(
    make_lab: Callable[..., Lab], fit: Fit, tmp_path: Path
) -> None:
    one, two = (make_lab(name, students=40) for name in ("lab1", "lab2"))
    criterion = one.criteria[1]
    other = {"A": "B", "B": "A"}
    turned = [g.model_copy(update={"rating": other[str(g.rating)]}) for g in two.human_grades if g.rating != "C"]
    labs = [one, two.model_copy(update={"human_grades": tuple(turned)})]  # the same programs, rated otherwise
    seen = [observed(lab) for lab in labs]
    write_head(fit(seen), tmp_path)
    head = read_head(tmp_path)
    found = answers(head, seen[1], criterion)
    assert agreement(found, labs[1], criterion) > 0.95
    first = found[0]
    assert isinstance(first, LabelScores)
    assert first.sources["evidence"] > sum(abs(value) for name, value in first.sources.items() if name != "evidence")
    assert agreement(answers(fit(labs), labs[1], criterion), labs[1], criterion) < 0.95


def test_programs_without_observations_are_rated_as_by_a_head_without_evidence(labs: list[Lab], fit: Fit) -> None:
    seen = [observed(lab, every=2) for lab in labs]
    criterion = labs[0].criteria[1]
    found, blind = answers(fit(seen), seen[1], criterion), answers(fit(labs), labs[1], criterion)
    assert [each == other for each, other in zip(found, blind, strict=True)] == [False, True] * 10


@pytest.mark.parametrize("damaged", [INFO, WEIGHTS])
def test_a_damaged_head_is_refused(labs: list[Lab], fit: Fit, tmp_path: Path, damaged: str) -> None:
    write_head(fit(labs), tmp_path)
    (tmp_path / damaged).write_bytes((tmp_path / damaged).read_bytes()[:-20])
    with pytest.raises(ModelError):
        read_head(tmp_path)


def test_a_student_without_code_gets_finite_probabilities(labs: list[Lab], fit: Fit) -> None:
    empty = Submission(student="s999", folder="s999@course", files=(SourceFile(path="main.c", text=";"),))
    lab = labs[0].model_copy(update={"submissions": (empty,)})
    [found] = answers(fit(labs), lab, lab.criteria[1])
    assert isinstance(found, LabelScores)
    assert np.isfinite(found.logprobs).all()


def test_members_of_a_group_are_held_out_together(
    labs: list[Lab], base: HeadBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouped = tuple(
        each.model_copy(update={"members": (each.student, f"s{i + 10:03d}")})
        for i, each in enumerate(labs[0].submissions[:10])
    )
    course = [labs[0].model_copy(update={"submissions": grouped}), labs[1]]
    fitted_on: list[Examples] = []

    def recording(programs: Programs, rated: dict[str, Examples], **settings: object) -> object:
        fitted_on.extend(rated.values())
        return fit_head(programs, rated, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr("grader.heads.fitting.fit_head", recording)
    features = read_features([(lab, lab.submissions) for lab in course], base, seed=0)
    rated = [RatedLab(lab, lab.submissions, lab.ratings_by_student) for lab in course]
    _, held_out = fit_lab_heads(rated, features, base, HeadSettings())
    [examples] = fitted_on
    assert len(set(examples.students.tolist())) == 10
    assert examples.students[10:20].tolist() == examples.students[20:30].tolist() == examples.students[:10].tolist()
    found = estimate(held_out)
    assert found is not None and found.programs == 20
