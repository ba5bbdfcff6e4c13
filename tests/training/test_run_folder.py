"""Run folders: names, recorded config and dataset, times, and the `latest` link."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.harness.errors import raises_code
from training.config import RunConfig
from training.run_folder import RunFolder, new_run_folder, open_run_folder, update_latest_link

CONFIG = RunConfig.model_validate({"model": "m", "dataset": "d", "sft": {}})
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_two_runs_in_one_second_get_two_folders(tmp_path: Path) -> None:
    names = [new_run_folder(tmp_path / "runs", "tiny", CONFIG, NOW).path.name for _ in range(2)]
    assert names == ["tiny-20260102-030405", "tiny-20260102-030405-2"]


def test_the_config_is_recorded(tmp_path: Path) -> None:
    run = new_run_folder(tmp_path, "tiny", CONFIG, NOW)
    assert open_run_folder(run.path)[1] == CONFIG
    with raises_code("not-a-run"):
        open_run_folder(tmp_path)


def test_times_add_up_over_resumes(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.add_time("sft", 1.5)
    run.add_time("sft", 2.0)
    run.add_time("dpo", 1.0)
    assert run.read_times() == {"sft": 3.5, "dpo": 1.0}


def test_sources_are_relative_paths_or_hub_ids(tmp_path: Path) -> None:
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    run = RunFolder(tmp_path / "runs" / "r1")
    assert run.relative_source(str(tmp_path / "models" / "tiny")) == "../../models/tiny"
    assert run.relative_source("Qwen/Qwen2.5-Coder-7B-Instruct") == "Qwen/Qwen2.5-Coder-7B-Instruct"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": "0"}', '{"sha256": "0", "manifest": {"labs": 1}}'])
def test_a_damaged_dataset_record_raises_a_model_error(tmp_path: Path, text: str) -> None:
    run = RunFolder(tmp_path)
    run.dataset.write_text(text)
    for read in (run.read_dataset, run.read_dataset_manifest):
        with raises_code("run-damaged", r"dataset\.json"):
            read()


def test_latest_links_to_the_newest_run_but_never_replaces_a_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        update_latest_link(tmp_path / name)
    assert (tmp_path / "latest").readlink() == Path("two") and not caplog.messages
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").mkdir()
    update_latest_link(tmp_path / "one")
    assert not (tmp_path / "latest").is_symlink() and str(tmp_path / "one") in caplog.messages[0]
    assert not (tmp_path / ".latest.part").is_symlink()
