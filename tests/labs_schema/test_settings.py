"""Environment variables: defaults, GRADER_* settings, and that every variable that the code reads is registered."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from labs_schema.settings import Settings
from serving.store.database import parse_location
from serving.store.errors import StoreLocationError

ROOT = Path(__file__).parents[2]
PACKAGES = ("grader", "labs_schema", "prompts", "serving", "training")


def test_default_files_are_in_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRADER_STORE", "GRADER_SECRET", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    data = tmp_path / ".local" / "share" / "grader"
    assert (Settings().store, Settings().secret) == (str(data / "grader.db"), data / "pseudonyms.key")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert Settings().store == str(tmp_path / "data" / "grader" / "grader.db")


def test_grader_variables_are_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("/one.db", "/two.db"):
        monkeypatch.setenv("GRADER_STORE", value)
        assert Settings().store == value


@pytest.mark.parametrize(
    ("location", "file"),
    [
        ("/x/store.db", "/x/store.db"),
        ("store.db", "{cwd}/store.db"),
        ("./store", "{cwd}/store"),
        ("~/store.db", "{home}/store.db"),
        ("sqlite:////x/store.db", "/x/store.db"),
        ("sqlite:///store.db", "{cwd}/store.db"),
        ("sqlite:///~/store.db", "{home}/store.db"),
    ],
)
def test_store_may_be_a_path(location: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert parse_location(location).database == file.format(cwd=tmp_path, home=tmp_path / "home")


@pytest.mark.parametrize(
    "location",
    [
        "",
        "postgres",
        "sqlite:/x",
        ":memory:",
        "mysql://x/y",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///a?mode=ro",
        "/",
    ],
)
def test_other_store_locations_are_refused_with_a_hint(location: str) -> None:
    with pytest.raises(StoreLocationError) as refused:
        parse_location(location)
    assert refused.value.code == "store-location-invalid" and refused.value.hint in str(refused.value)


def test_password_is_not_shown() -> None:
    with pytest.raises(StoreLocationError) as refused:
        parse_location("mysql://me:PASSWORD@host/name")
    assert "PASSWORD" not in str(refused.value)


def test_every_environment_variable_is_registered() -> None:
    standard = yaml.safe_load((ROOT / "docs/standard_variables.yaml").read_text(encoding="utf-8"))
    known = {f"GRADER_{name.upper()}" for name in Settings.model_fields} | standard.keys()
    read = {name for package in PACKAGES for path in (ROOT / package).rglob("*.py") for name in variables(path)}
    assert read - known == set()
    assert all(field.description for field in Settings.model_fields.values())


def variables(path: Path) -> Iterator[str]:
    """Literal names in `os.environ[...]`, `os.environ.get(...)`, `os.environ.setdefault(...)` and `os.getenv(...)`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name))):
                yield name
            case ast.Call(func=ast.Attribute(value=owner, attr=attribute), args=[ast.Constant(value=str(name)), *_]):
                if attribute == "getenv" or (isinstance(owner, ast.Attribute) and owner.attr == "environ"):
                    yield name
