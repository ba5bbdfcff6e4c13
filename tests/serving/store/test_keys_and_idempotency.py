"""Keys open what they were made for until they are revoked; a request sent twice is answered once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from serving.store.errors import InProgressError, OtherBodyError, UnknownError
from serving.store.idempotency import KEPT, LEASE
from serving.store.roles import Role
from serving.store.store import Store, open_store


def test_a_key_is_known_until_it_is_revoked_and_never_kept_itself(store: Store) -> None:
    token, made = store.create_key("moodle", Role.PLATFORM, "cs101", actor="admin")
    found = store.key(token)
    assert found == made and made.opens("cs101") and not made.opens("cs102")
    everywhere = store.create_key("boss", Role.ADMIN, None, actor="admin")[1]
    assert everywhere.opens("cs101") and everywhere.opens("cs102")
    for wrong in (token[:-1], token + "x", "", "\0", "\ud800", made.id):
        assert store.key(wrong) is None
    revoked = store.revoke_key(made.id, actor="admin")
    assert store.key(token) is None and store.revoke_key(made.id, actor="admin") == revoked
    assert [key.name for key in store.list_keys()] == ["moodle", "boss"]
    with pytest.raises(UnknownError):
        store.revoke_key("none", actor="admin")
    with store.database.reading() as connection:
        from serving.store.tables import audit, keys

        kept = str([connection.execute(table.select()).all() for table in (keys, audit)])
    assert token not in kept and token.removeprefix("grader_") not in kept


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_the_same_key_and_body_get_the_same_answer_for_a_day(new_url: Any) -> None:
    url, clock = new_url(), Clock()
    store = open_store(url, clock)
    claim = store.idempotent("k1 /grade", "abc", "body")
    assert claim.answer is None
    assert store.answered(claim, "the answer") == "the answer"
    store.close()
    store = open_store(url, clock)  # a restart
    assert store.idempotent("k1 /grade", "abc", "body").answer == "the answer"
    with pytest.raises(OtherBodyError):
        store.idempotent("k1 /grade", "abc", "another body")
    assert store.idempotent("k2 /grade", "abc", "another body").answer is None
    clock.now += KEPT - timedelta(seconds=1)
    assert store.idempotent("k1 /grade", "abc", "body").answer == "the answer"
    clock.now += timedelta(seconds=2)
    assert store.idempotent("k1 /grade", "abc", "another body").answer is None
    store.close()


def test_a_claim_that_a_crash_left_is_taken_over_under_the_same_request(new_url: Any, hand: Any) -> None:
    clock = Clock()
    store = open_store(new_url(), clock)
    someone = store.pseudonym("cs101", "s1", actor="api")
    lost = store.idempotent("k1 /grade", "abc", "body", student=someone)
    grade = hand.grade(store, someone, request=lost.request)
    with pytest.raises(InProgressError):
        store.idempotent("k1 /grade", "abc", "body")
    clock.now += LEASE
    store.still_held(lost)
    clock.now += LEASE - timedelta(seconds=1)
    with pytest.raises(InProgressError):  # its holder still works
        store.idempotent("k1 /grade", "abc", "body")
    clock.now += timedelta(seconds=1)
    taken = store.idempotent("k1 /grade", "abc", "body")
    assert taken.answer is None and taken.holder != lost.holder
    assert hand.grade(store, someone, request=taken.request) == grade
    assert store.answered(taken, "second") == "second"
    assert store.answered(lost, "first, too late") == "second"
    store.close()


def test_work_that_failed_may_be_tried_again_at_once(store: Store) -> None:
    failed = store.idempotent("k1 /grade", "abc", "body")
    store.abandoned(failed)
    again = store.idempotent("k1 /grade", "abc", "body")
    assert again.request == failed.request
    store.abandoned(failed)  # not its own any more
    with pytest.raises(InProgressError):
        store.idempotent("k1 /grade", "abc", "body")


def test_of_many_at_once_one_has_the_work(store: Store, hand: Any) -> None:
    def ask(_: int) -> str:
        try:
            store.idempotent("k1 /grade", "abc", "body")
        except InProgressError:
            return "wait"
        return "work"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == ["wait"] * 7 + ["work"]
        names = set(pool.map(lambda _: store.pseudonym("cs101", "s1", actor="api"), range(8)))
        [someone] = names
        assert len(set(pool.map(lambda _: hand.grade(store, someone, request="job"), range(8)))) == 1
        list(pool.map(lambda n: hand.grade(store, someone, request=f"job{n}"), range(24)))
    assert store.verify().faults == ()
