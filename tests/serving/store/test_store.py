"""Grades are appended once, with their rubric version; overrides are added to them."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from serving.store.access.roles import Role
from serving.store.errors import BadNameError, ForgottenError, UnknownError
from serving.store.store import Store, open_store
from serving.store.tables import metadata

COMPILES = "Does it compile?"


def test_grade_round_trips(store: Store, hand: Any) -> None:
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    grade_id = hand.grade(store, someone, reasoning="A \0, a \ud800 and an 'ä'.", text="// \0 \ud800 ä\n")
    history = store.read_history(grade_id)
    given = hand.written_by(someone, "// \0 \ud800 ä\n")
    assert history.grade.grade == hand.graded(hand.lab, given, reasoning="A \0, a \ud800 and an 'ä'.")
    assert store.read_submission(grade_id) == given
    partly_read = given.model_copy(update={"unread": ("bad-archive",)})
    [other] = store.record_grades(
        hand.lab, [partly_read], [hand.graded(hand.lab, partly_read)], request="r2", actor="job"
    )
    assert other and store.read_submission(other) == partly_read
    assert (history.grade.request, history.grade.actor, history.grade.student) == ("r1", "job", someone)
    assert history.lab.criteria == hand.lab.criteria and history.lab.problem == hand.lab.problem
    assert history.ratings == {COMPILES: "A", "Is it readable?": "A"}
    assert store.verify().faults == ()


def test_a_decision_holds_for_the_files_however_they_were_observed(store: Store, hand: Any) -> None:
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    given = hand.written_by(someone)
    first = hand.grade(store, someone, request="r1")
    store.record_override(first, COMPILES, "B", "by hand", request="r2", actor="ada")
    observed = given.model_copy(
        update={"unobserved": "no observer", "redactions": ("Ada",), "unread": ("bad-archive",)}
    )
    [later] = store.record_grades(hand.lab, [observed], [hand.graded(hand.lab, observed)], request="r3", actor="job")
    assert later and store.read_submission(later) == observed and store.read_submission(first) == given
    assert store.read_history(later).ratings[COMPILES] == "B"
    assert store.verify().faults == ()
    other = hand.grade(store, someone, request="r4", text="other files")
    assert store.read_history(other).ratings[COMPILES] == "A"


def test_retry_records_nothing_new(store: Store, hand: Any) -> None:
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    first = hand.grade(store, someone, request="job1")
    before = store.verify()
    assert hand.grade(store, someone, request="job1", rating="B") == first
    assert store.verify() == before
    assert [one.grade.criteria[0].rating for one in store.read_grades("job1") if one.grade] == ["A"]
    assert hand.grade(store, someone, request="job2") != first
    assert hand.grade(store, someone, request="job1", text="other") != first


def test_batch_is_atomic(store: Store, hand: Any) -> None:
    one, two = (store.pseudonym_for("cs101", name, actor="api") for name in ("s1", "s2"))
    works = [hand.written_by(one), hand.written_by(two), hand.written_by("a pseudonym never issued")]
    given = [hand.graded(hand.lab, work) for work in works]
    with pytest.raises(UnknownError):
        store.record_grades(hand.lab, works, given, request="job", actor="job")
    assert store.read_grades("job") == []
    ids = store.record_grades(hand.lab, works[:2], given[:2], request="job", actor="job")
    assert [grade.id for grade in store.read_grades("job")] == ids


def test_grade_of_other_rubric_or_program_is_refused(store: Store, hand: Any) -> None:
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    work, other = hand.written_by(someone), hand.written_by(someone, "other")
    edited = hand.lab.model_copy(update={"criteria": hand.lab.criteria[:1]})
    for lab, of, grade in ((edited, work, work), (hand.lab, other, work)):
        with pytest.raises(ValueError):
            store.record_grades(lab, [of], [hand.graded(hand.lab, grade)], request="r", actor="job")


def test_edited_rubric_leaves_old_grades_unchanged(store: Store, hand: Any) -> None:
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    old = hand.grade(store, someone, request="job1")
    before, hand.lab = hand.lab, hand.lab.model_copy(update={"criteria": hand.lab.criteria[:1]})
    new = hand.grade(store, someone, request="job2")
    assert store.read_history(old).lab.criteria == before.criteria
    assert store.read_history(new).lab.criteria == before.criteria[:1]
    assert [each.id for each in store.read_history(new).regrades] == [old]


def test_overrides_are_appended(store: Store, hand: Any) -> None:
    grade_id = hand.grade(store, store.pseudonym_for("cs101", "s1", actor="api"))
    first = store.record_override(grade_id, COMPILES, "B", "It warns.", request="o1", actor="ta1")
    again = store.record_override(grade_id, COMPILES, "C", "a retry with other words", request="o1", actor="ta1")
    store.record_override(grade_id, COMPILES, "C", "It does not.", request="o2", actor="ta2")
    history = store.read_history(grade_id)
    assert again == first
    assert [(o.actor, o.old, o.new, o.why) for o in history.overrides] == [
        ("ta1", "A", "B", "It warns."),
        ("ta2", "B", "C", "It does not."),
    ]
    assert history.ratings[COMPILES] == "C"
    assert history.grade.grade is not None and history.grade.grade.criteria[0].rating == "A"
    for criterion, rating, those in ((COMPILES, "D", "'A', 'B', 'C'"), ("Is it fast?", "A", f"'{COMPILES}', ")):
        with pytest.raises(UnknownError, match=re.escape(those)):
            store.record_override(grade_id, criterion, rating, "", request="o3", actor="ta1")


def test_a_groups_override_is_recorded_for_all_members_or_none(store: Store, hand: Any) -> None:
    people = [store.pseudonym_for("cs101", name, actor="api") for name in ("s1", "s2", "s3")]
    first, second, third = (hand.grade(store, each, request="job") for each in people)
    store.record_override(second, COMPILES, "C", "", request="o1", actor="ta1")
    store.forget_student("s3", actor="admin")
    how: Any = {"members": [second, third], "request": "o2", "actor": "ta2"}
    made = store.record_override(first, COMPILES, "B", "It warns.", **how)
    assert store.record_override(first, COMPILES, "B", "It warns.", **how) == made
    mine, theirs = (store.read_history(each).overrides for each in (first, second))
    assert [(o.actor, o.old, o.new, o.why) for o in mine] == [("ta2", "A", "B", "It warns.")]
    assert [(o.actor, o.old, o.new) for o in theirs] == [("ta1", "A", "C"), ("ta2", "C", "B")]
    assert (mine[0].at, mine[0].request) == (theirs[1].at, theirs[1].request)
    assert store.read_history(third).overrides == ()
    before = store.verify()
    with pytest.raises(UnknownError):
        store.record_override(first, COMPILES, "A", "", members=["none"], request="o3", actor="ta1")
    assert store.verify() == before and before.faults == ()


def test_pseudonym_is_random_and_unique_per_student_and_course(store: Store, new_url: Callable[[], str]) -> None:
    first = store.pseudonym_for("cs101", "s1", actor="api")
    assert store.pseudonym_for("cs101", "s1", actor="api") == first
    assert store.pseudonym_for("cs102", "s1", actor="api") != first
    other = open_store(new_url())
    assert other.pseudonym_for("cs101", "s1", actor="api") != first
    other.close()
    with pytest.raises(BadNameError):
        store.pseudonym_for("cs101", "s\0", actor="api")
    known = store.read_student(first)
    assert (known.course, known.student) == ("cs101", "s1")


def test_forgotten_student_gets_no_more_grades_or_overrides(store: Store, hand: Any) -> None:
    one, two = (store.pseudonym_for("cs101", name, actor="api") for name in ("s1", "s2"))
    grade_id = hand.grade(store, one)
    store.forget_student("s1", actor="admin")
    assert hand.grade(store, one, request="r2") is None
    assert hand.grade(store, two, request="r2") is not None
    assert store.read_history(grade_id).grade.grade is None and store.read_history(grade_id).ratings == {}
    assert store.read_submission(grade_id) is None
    assert (store.read_student(one).course, store.read_student(one).student) == ("cs101", None)
    with pytest.raises(ForgottenError):
        store.record_override(grade_id, COMPILES, "B", "", request="o", actor="ta1")
    assert store.pseudonym_for("cs101", "s1", actor="api") != one
    assert store.verify().faults == ()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE grades SET lab = 'x'",
        "DELETE FROM grades",
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
        "UPDATE rubrics SET lab = 'x'",
        "DELETE FROM overrides",
        "UPDATE overrides SET actor = 'x'",
        "UPDATE contents SET document = '{}'",
        "UPDATE audit_head SET seq = seq - 1",
        "DELETE FROM audit_head",
        "DELETE FROM students",
        "DELETE FROM keys",
    ],
)
def test_triggers_refuse_to_change_history(store: Store, hand: Any, change: str) -> None:
    grade_id = hand.grade(store, store.pseudonym_for("cs101", "s1", actor="api"))
    store.record_override(grade_id, COMPILES, "B", "It warns.", request="o1", actor="ta1")
    store.create_key("k", Role.TA, None, actor="admin")
    with (
        pytest.raises(DBAPIError, match="only ever appended"),
        store.database._engine.begin() as connection,
    ):
        connection.execute(text(change))
    assert store.verify().faults == ()


def test_triggers_refuse_to_replace_a_grade(store: Store, hand: Any) -> None:
    hand.grade(store, store.pseudonym_for("cs101", "s1", actor="api"))
    replace = "INSERT OR REPLACE INTO grades SELECT * FROM grades"
    if store.database.dialect == "postgresql":
        replace = "TRUNCATE grades CASCADE"
    with pytest.raises(DBAPIError, match="only ever appended"), store.database._engine.begin() as connection:
        connection.execute(text(replace))


def test_migrations_match_the_tables_in_code(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.database.reading() as connection:
        options: Any = {
            "version_table": "grader_version",
            "include_name": lambda name, kind, _: kind != "table" or name in metadata.tables,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_concurrent_writers_keep_the_chain_intact(store: Store, hand: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        [someone] = set(pool.map(lambda _: store.pseudonym_for("cs101", "s1", actor="api"), range(8)))
        assert len(set(pool.map(lambda _: hand.grade(store, someone, request="job"), range(8)))) == 1
        list(pool.map(lambda n: hand.grade(store, someone, request=f"job{n}"), range(24)))
    assert store.verify().faults == ()
