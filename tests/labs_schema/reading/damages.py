"""Ways to change the files of a lab: each takes the lab's folder."""

import json
from collections.abc import Callable
from pathlib import Path

from labs_schema.errors import Severity

Damage = Callable[[Path], object]
ERROR, WARNING = Severity.ERROR, Severity.WARNING
TABLE, RUBRIC = "rubric_ratings.csv", "rubrics.json"
COMPILES, READABLE = "Does it compile?", "Is it readable?"


def replace(name: str, old: str, new: str, count: int = -1) -> Damage:
    def damage(lab: Path) -> None:
        text = (lab / name).read_text()
        assert old in text
        (lab / name).write_text(text.replace(old, new, count))

    return damage


def content(name: str, data: bytes | str) -> Damage:
    return lambda lab: (lab / name).write_bytes(data.encode() if isinstance(data, str) else data)


def recoded(name: str, encoding: str) -> Damage:
    return lambda lab: (lab / name).write_bytes((lab / name).read_text().encode(encoding))


def rubric(change: Callable[[list[dict[str, object]]], object]) -> Damage:
    def damage(lab: Path) -> None:
        found = json.loads((lab / RUBRIC).read_text())
        change(found)
        (lab / RUBRIC).write_text(json.dumps(found))

    return damage


def line(number: int, new: str | None) -> Damage:
    """Puts `new` in the place of a line of the table, or deletes the line."""

    def damage(lab: Path) -> None:
        lines = (lab / TABLE).read_text().split("\n")
        lines[number - 1 : number] = [] if new is None else [new]
        (lab / TABLE).write_text("\n".join(lines))

    return damage


def both(*damages: Damage) -> Damage:
    return lambda lab: [damage(lab) for damage in damages]


def removed(*names: str) -> Damage:
    return lambda lab: [(lab / name).unlink() for name in names]


def linked(name: str) -> Damage:
    def damage(lab: Path) -> None:
        (lab / name).rename(lab.parent / name)
        (lab / name).symlink_to(lab.parent / name)

    return damage


def as_folder(name: str) -> Damage:
    def damage(lab: Path) -> None:
        (lab / name).unlink()
        (lab / name).mkdir()

    return damage


def column(*cells: str) -> Damage:
    """A further last column of the table."""

    def damage(lab: Path) -> None:
        lines = (lab / TABLE).read_text().splitlines()
        (lab / TABLE).write_text("".join(f"{row},{cell}\n" for row, cell in zip(lines, cells, strict=True)))

    return damage


def criterion_again(title: str) -> Damage:
    """Appends the columns of the table's last criterion once more, under another title."""

    def damage(lab: Path) -> None:
        rows = [row.split(",") for row in (lab / TABLE).read_text().splitlines()]
        rows = [row + ([title] * 2 if number == 0 else row[-2:]) for number, row in enumerate(rows)]
        (lab / TABLE).write_text("".join(",".join(row) + "\n" for row in rows))

    return damage


def tas(*heads: str, value: str = "ann") -> Damage:
    """Adds a column to the table for each head, with `value` for every student."""

    def damage(lab: Path) -> None:
        lines = (lab / TABLE).read_text().splitlines()
        for row, text in enumerate(lines):
            cells = [head if row == 0 else "" if row < 6 else value for head in heads]
            lines[row] = ",".join([text, *cells])
        (lab / TABLE).write_text("\n".join(lines) + "\n")

    return damage


def rater(name: str, old: str = "", new: str = "") -> Damage:
    """Copies the table as the file of a TA, with `new` in the place of `old`."""

    def damage(lab: Path) -> None:
        text = (lab / TABLE).read_text()
        assert old in text
        (lab / f"rubric_ratings.{name}.csv").write_text(text.replace(old, new) if old else text)

    return damage
