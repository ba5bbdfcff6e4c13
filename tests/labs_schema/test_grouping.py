"""Grouping by a key."""

from labs_schema.grouping import grouped_by


def test_groups_and_their_items_stay_in_order() -> None:
    assert list(grouped_by("banana", str.upper).items()) == [("B", ["b"]), ("A", ["a"] * 3), ("N", ["n"] * 2)]
    assert grouped_by([], len) == {}
