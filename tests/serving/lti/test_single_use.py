"""Nonces and tickets work once, on both databases, whatever number of processes try at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from serving.lti.errors import LtiError
from serving.lti.single_use import use_once
from serving.store.store import Store, open_store

MINUTE = timedelta(minutes=1)


def used(store: Store, kind: str, value: str, valid_for: timedelta = MINUTE) -> str:
    try:
        use_once(store.database, kind, value, valid_for)
    except LtiError as error:
        return error.code
    return "used"


def test_one_of_many_that_try_at_once_succeeds(new_url: Callable[[], str]) -> None:
    url = new_url()
    stores = [open_store(url) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: used(stores[n % 2], "nonce", "n1"), range(16)))
    assert sorted(found) == ["lti-replayed"] * 15 + ["used"]
    assert used(stores[0], "ticket", "n1") == "used"
    for each in stores:
        each.close()


def test_expired_values_are_deleted(store: Store) -> None:
    assert used(store, "nonce", "old", timedelta(seconds=-1)) == used(store, "nonce", "new") == "used"
    assert used(store, "nonce", "new") == "lti-replayed"
    with store.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM lti_nonces").scalar_one() == 1
