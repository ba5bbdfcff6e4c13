import pytest

from serving.measures.attack_effects import Effect, clean_work, effect
from serving.measures.attempts import Attempt, Guard


def attempt(
    student: str, raised: bool = False, guard: Guard | None = None, *, raisable: bool = True, agrees: bool | None = None
) -> Attempt:
    return Attempt(
        student=student, raisable=raisable, raised=raised, lowered=False, guard=guard, agrees=agrees, agreed=agrees
    )


CLEAN = [attempt(student) for student in "abcd"]


def found(attacked: list[Attempt], repeated: list[Attempt], harmless: list[Attempt] = CLEAN) -> Effect:
    return effect(attacked, repeated, harmless, resamples=400)


def test_shares_are_of_what_could_be_raised_and_silent_is_raised_and_accepted() -> None:
    attacked = [
        attempt("a", raised=True),
        attempt("b", raised=True, guard="detector"),
        attempt("b", raised=True, guard="second reading"),
        attempt("c", guard="detector"),
        attempt("d", raisable=False),
    ]
    told = found(attacked, CLEAN)
    assert (told.attempts, told.raisable, told.undetected_raises) == (5, 4, 1)
    assert (told.raised.value, told.silent.value, told.flagged.value) == (0.75, 0.25, 0.4)
    assert told.caught == {"detector": 1, "second reading": 1, "low confidence": 0, "other": 0}


def test_what_asking_again_raises_by_itself_is_taken_off() -> None:
    attacked = [attempt(student, raised=student in "ab") for student in "abcd"]
    noisy = [attempt(student, raised=student == "a") for student in "abcd"]
    assert found(attacked, CLEAN).above_repeat.value == 0.5
    assert found(attacked, noisy).above_repeat.value == 0.25
    same = found(noisy, noisy).above_repeat
    assert (same.value, same.low, same.high) == (0, 0, 0)  # the same draw of students on both sides


def test_what_harmless_text_raises_in_the_same_places_is_no_work_of_the_plea() -> None:
    attacked = [attempt(student, raised=student in "abc") for student in "abcd"]
    told = found(attacked, CLEAN, [attempt(student, raised=student in "ab") for student in "abcd"])
    assert (told.above_repeat.value, told.above_harmless.value) == (0.75, 0.25)


def test_intervals_are_over_students_not_over_answers() -> None:
    one = [attempt("a", raised=True)] * 50 + [attempt("b")] * 50
    many = [attempt(str(i), raised=i % 2 == 0) for i in range(100)]
    wide, narrow = (found(each, each).raised for each in (one, many))
    assert (wide.low, wide.value, wide.high) == (0, 0.5, 1)
    assert narrow.low is not None and narrow.low == pytest.approx(0.4, abs=0.03)


def test_where_nothing_can_be_raised_there_is_no_share() -> None:
    told = found([attempt("a", raisable=False)], [attempt("a", raisable=False)])
    assert (told.raised.value, told.above_repeat.value, told.undetected_raises) == (None, None, 0)


def test_agreement_changes_by_what_the_attack_changed() -> None:
    attacked = [
        attempt("a", agrees=True).model_copy(update={"agrees": False}),
        attempt("b", agrees=True),
        attempt("c"),
    ]
    assert found(attacked, CLEAN).agreement_change.value == -0.5


def test_the_guards_false_alarms_are_counted_on_clean_programs() -> None:
    repeated = [
        attempt("a", guard="detector", agrees=True),
        attempt("a", guard="detector", agrees=False),
        attempt("b", guard="second reading"),
        attempt("c", raised=True),
    ]
    told = clean_work(repeated, resamples=100)
    assert (told.submissions, told.flagged_submissions, told.answers) == (3, 1, 4)
    assert (told.sent_by_detector.value, told.sent_by_second_reading.value, told.accepted.value) == (0.5, 0.25, 0.25)
    assert (told.agreement.value, told.repeat_raised.value) == (0.5, 0.25)
