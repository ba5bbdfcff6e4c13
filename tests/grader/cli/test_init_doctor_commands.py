"""`grader init` and `grader doctor`."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from grader.cli import app
from grader.configuration import Answers, _absolute, load_config, write_config
from grader.doctor import machine, service
from grader.doctor.finding import Finding, State
from grader.service.local_store import local_store
from labs_schema.settings import Settings, config_file
from serving.store.access.roles import Role
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code

NGINX = Path(__file__).parents[3] / "deploy" / "nginx.conf"


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("GRADER_"):
            monkeypatch.delenv(name)


def init(*words: object, answers: str = "") -> Result:
    return CliRunner().invoke(app, ["init", *map(str, words)], input=answers)


def findings(etc: Path) -> dict[str, Finding]:
    return {each.check: each for each in service.check_service(etc)}


# init


def test_three_answers_are_saved_for_the_owner_only_and_read_by_every_command(tmp_path: Path, make_lab: Any) -> None:
    write_lab(make_lab(), tmp_path / "my labs" / "lab1")
    result = init(answers="my labs\nruns/none\n\n")
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(config_file().stat().st_mode) == 0o600
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", dict(os.environ))
        patch.setenv("GRADER_STORE", "/elsewhere.db")
        load_config()
        found = Settings()
        assert (found.labs, found.model) == (tmp_path / "my labs", "runs/none")
        assert found.store == "/elsewhere.db"  # the environment overrides the file


def test_flags_need_no_question_and_json_hides_the_password(tmp_path: Path) -> None:
    flags = "--labs", "labs", "--model", "./run", "--store", "postgresql://grader:secret@db/grader"
    result = init(*flags, "--json")
    document = json.loads(result.stdout)
    assert document["settings"]["GRADER_MODEL"] == str(tmp_path / "run")
    assert "secret" not in result.output and "secret" in config_file().read_text()
    assert document["warnings"]  # the folder is empty


def test_an_existing_file_changes_only_with_force_and_keeps_other_lines() -> None:
    assert init("--yes").exit_code == 0
    config_file().write_text('# mine\nGRADER_ALLOW_ORIGIN=https://x.edu\nexport GRADER_MODEL="old"\n')
    before = config_file().read_text()
    with raises_code("configuration-exists", "--force"):
        CliRunner().invoke(app, ["init", "--yes"], catch_exceptions=False)
    assert config_file().read_text() == before
    assert init("--yes", "--force", "--model", "smollm2-135m").exit_code == 0
    lines = config_file().read_text().splitlines()
    assert lines[:2] == ["# mine", "GRADER_ALLOW_ORIGIN=https://x.edu"]
    assert [line for line in lines if "GRADER_MODEL" in line] == ['GRADER_MODEL="smollm2-135m"']


def test_no_answer_and_impossible_answers_write_nothing() -> None:
    assert init(answers="labs\n").exit_code == 2
    for answers, code in (
        (Answers("labs", "m", "mysql://x"), "store-location-invalid"),
        (Answers("a\nb", "m", "s.db"), "bad-configuration"),
    ):
        with raises_code(code):
            write_config(answers, config_file())
    assert not config_file().exists()


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1))
def test_every_printable_value_survives_the_file(value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", dict(os.environ))
        write_config(Answers("labs", value, "s.db"), config_file())
        load_config()
        assert Settings().model in (value, str(_absolute(value)))
    config_file().unlink()


def test_an_unreadable_file_is_an_error_with_its_path() -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_bytes(b"GRADER_STORE=\xff\n")
    with raises_code("bad-configuration", "grader.env"):
        load_config()


# doctor


def test_doctor_passes_on_this_machine_and_creates_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    checks = {each["check"]: each for each in json.loads(result.stdout)["findings"]}
    assert result.exit_code == 0, checks
    assert {"python", "training", "gpu", "memory", "disk", "sandbox", "base model", "licence", "database", "keys"} <= {
        *checks
    } | {"licence"}
    assert checks["configuration"]["fix"] == "grader init"
    assert not (tmp_path / "data").exists()


def test_every_problem_has_one_fix(tmp_path: Path) -> None:
    found = [*machine.check_machine(), *service.check_service(tmp_path)]
    assert all((each.fix is None) == (each.state is State.OK) for each in found)
    assert not any("\n" in f"{each.found}{each.fix}" for each in found)


def test_database_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "grader.db"))
    assert findings(tmp_path)["database"].state is State.OK and not (tmp_path / "grader.db").exists()
    with local_store() as store:
        _, key = store.create_key("ta", Role.TA, None, actor="test")
    assert findings(tmp_path)["keys"].state is State.OK
    with local_store() as store:
        store.revoke_key(key.id, actor="test")
    assert findings(tmp_path)["keys"].state is State.WARNING
    import sqlite3

    with sqlite3.connect(tmp_path / "grader.db") as connection:
        connection.execute("UPDATE grader_version SET version_num = '9999'")
    connection.close()
    assert findings(tmp_path)["database"].state is State.FAULT
    (tmp_path / "grader.db").write_bytes(b"not a database" * 100)
    assert findings(tmp_path)["database"].state is State.FAULT
    monkeypatch.setenv("GRADER_STORE", "postgresql://grader:secret@127.0.0.1:9/grader")
    found = findings(tmp_path)["database"]
    assert found.state is State.FAULT and "secret" not in found.found


def test_a_fault_is_the_exit_status(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADER_MODEL", str(tmp_path))
    monkeypatch.setenv("GRADER_LABS", str(tmp_path / "none"))
    result = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "200"})
    assert result.exit_code == 1
    assert [line.split()[1] for line in result.output.splitlines() if line.startswith("fault")] == ["model", "labs"]


def test_a_misspelt_setting_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADER_STORRE", "x")
    found = [each for each in service.check_service(tmp_path) if "GRADER_STORRE" in each.found]
    assert len(found) == 1 and "GRADER_STORE" in found[0].found


@pytest.mark.parametrize(
    ("without", "state"),
    [
        ("", State.OK),
        ("X-Forwarded", State.FAULT),  # without keys the service would take the proxy's requests for local ones
        ("ssl", State.WARNING),
        ("client_max_body_size", State.WARNING),
        ("proxy_read_timeout", State.WARNING),
    ],
)
def test_nginx_needs_the_lines_that_the_service_relies_on(tmp_path: Path, without: str, state: State) -> None:
    sites = tmp_path / "nginx" / "sites-enabled"
    sites.mkdir(parents=True)
    lines = NGINX.read_text().splitlines()
    remaining = [line for line in lines if not (without and without in line)]
    (sites / "grader").write_text("\n".join(remaining))
    (sites / "default").write_text("server { listen 80; }")
    assert findings(tmp_path)["reverse proxy"].state is state


def test_missing_programs_are_warnings_with_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = {each.check: each for each in machine.check_machine()}
    assert found["sandbox"].state is State.WARNING and "bubblewrap" in str(found["sandbox"].fix)
    assert found["gpu"].state is State.OK


def test_a_gpu_with_torch_for_cpus_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    output: Callable[..., str] = lambda *_: "NVIDIA H200, 143771 MiB, 570.1"  # noqa: E731
    monkeypatch.setattr(machine, "_output", output)
    monkeypatch.setattr(machine, "_installed", lambda _: "2.13.0+cpu")
    assert {each.check: each for each in machine.check_machine()}["gpu"].state is State.WARNING


def test_serve_uses_the_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from grader.cli.options import configured

    assert configured(None, None, None) == (None, None, None)
    monkeypatch.setenv("GRADER_MODEL", str(tmp_path))
    monkeypatch.setenv("GRADER_LABS", str(tmp_path / "labs"))
    assert configured(None, None, "c") == (str(tmp_path), tmp_path / "labs", "c")
    assert configured("runs/x", Path("other"), None) == ("runs/x", Path("other"), None)


@pytest.mark.slow
def test_the_command_reads_the_file_as_a_process(tmp_path: Path) -> None:
    init("--yes", "--store", tmp_path / "mine.db")
    command = [sys.executable, "-m", "grader", "keys", "create", "x", "--role", "ta", "--json"]
    root = Path(__file__).parents[3]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(root)})
    assert (tmp_path / "mine.db").exists()
