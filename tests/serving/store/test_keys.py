"""API keys."""

import pytest

from serving.store.access.roles import Role
from serving.store.errors import UnknownError
from serving.store.store import Store
from serving.store.tables import audit, keys


def test_key_is_valid_until_revoked(store: Store) -> None:
    token, key = store.create_key("moodle", Role.PLATFORM, "cs101", actor="admin")
    assert store.find_key(token) == key
    revoked = store.revoke_key(key.id, actor="admin")
    assert store.find_key(token) is None
    assert store.revoke_key(key.id, actor="admin") == revoked
    assert [each.name for each in store.list_keys()] == ["moodle"]
    with pytest.raises(UnknownError):
        store.revoke_key("none", actor="admin")


def test_key_opens_its_course_or_all(store: Store) -> None:
    _, one = store.create_key("moodle", Role.PLATFORM, "cs101", actor="admin")
    _, every = store.create_key("dean", Role.ADMIN, None, actor="admin")
    assert [each.opens("cs101") for each in (one, every)] == [True, True]
    assert [each.opens("cs102") for each in (one, every)] == [False, True]


def test_wrong_tokens_find_no_key(store: Store) -> None:
    token, key = store.create_key("moodle", Role.PLATFORM, "cs101", actor="admin")
    for wrong in (token[:-1], token + "x", "", "\0", "\ud800", key.id):
        assert store.find_key(wrong) is None


def test_token_is_not_stored(store: Store) -> None:
    token, _ = store.create_key("moodle", Role.PLATFORM, "cs101", actor="admin")
    with store.database.reading() as connection:
        stored = str([connection.execute(table.select()).all() for table in (keys, audit)])
    assert token not in stored and token.removeprefix("grader_") not in stored
