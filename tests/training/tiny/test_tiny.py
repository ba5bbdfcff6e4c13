"""The tiny base: documented size, and warnings about unsuitable datasets."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from training.tiny.base import ENTRIES, tiny_llama


class FullTokenizer:
    bos_token_id, eos_token_id, pad_token_id = range(3)

    def __len__(self) -> int:
        return ENTRIES


def test_the_help_text_has_the_maximum_number_of_weights() -> None:
    from grader.cli.init_model import init_model

    most = tiny_llama(FullTokenizer()).num_parameters()
    words = re.sub(r"\s+", " ", init_model.__doc__ or "")
    assert f"at most {most / 1e6:.2f} million weights (fewer if the texts yield fewer than {ENTRIES:,} tokens)" in words


@pytest.mark.parametrize(
    ("built", "message"),
    [
        ({}, ""),
        ({"option_order": "shuffled"}, "built with shuffled options: "),
        ({"style": {}}, "built with the full prompt: "),
        ({"style": {}, "option_order": "shuffled"}, "built with the full prompt and shuffled options: "),
    ],
)
def test_unsuitable_data_sets_are_reported_with_the_command_to_rebuild(
    built: dict[str, Any],
    message: str,
    tmp_path: Path,
    make_lab: Any,
    write_dataset: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = write_dataset(make_lab(students=2), tmp_path / "data") / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | built))
    monkeypatch.setattr("training.tiny.base.init_model", lambda *_, **__: 1)
    done = CliRunner().invoke(app, ["init-model", "--dataset", str(tmp_path / "data"), "--out", str(tmp_path / "tiny")])
    assert done.exit_code == 0 and "1 weights" in done.stdout
    assert len(done.stderr.strip().splitlines()) == bool(message) and message in done.stderr
    command = "grader build-dataset --parent-dir labs --prompt compact --option-order given"
    assert (command in done.stderr) == bool(message)
