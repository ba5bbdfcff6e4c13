"""TA names are not in training rows: an additional ratings file only changes the lab's hash."""

from labs_schema.writing.lab_writer import write_ratings
from prompts.style import PromptStyle
from tests.harness.courses.lab_folders import write_lab
from training.dataset.build import DatasetOptions, build_dataset


def test_a_tas_file_changes_the_input_hash_but_no_row(tmp_path, make_lab) -> None:
    lab = make_lab(students=8)
    write_lab(lab, tmp_path / "labs" / "lab1")

    def build(out: str) -> tuple[dict[str, object], bytes, dict[str, str]]:
        paths = [tmp_path / out / f"{side}.jsonl" for side in ("train", "test")]
        manifest = build_dataset(tmp_path / "labs", *paths, DatasetOptions(style=PromptStyle()))
        return dict(manifest.outputs), b"".join(path.read_bytes() for path in paths), manifest.inputs

    outputs, rows, inputs = build("before")
    given = {"s001": {"Does it compile?": "C"}}
    write_ratings(lab.criteria, given, {}, tmp_path / "labs" / "lab1" / "rubric_ratings.unmistakable.csv")
    outputs_now, rows_now, inputs_now = build("after")
    assert (outputs_now, rows_now) == (outputs, rows) and b"unmistakable" not in rows_now
    assert inputs_now != inputs
