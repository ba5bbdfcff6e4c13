"""Labs on disk become a training file, a test file and a manifest. Knows no model and no tokenizer."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from labs_schema.errors import InputError, Issue
from labs_schema.hashes import submission_key
from labs_schema.privacy.pseudonym_key import key_fingerprint
from labs_schema.reading.validate import lab_folders
from labs_schema.submissions.file_names import safe_name
from prompts.style import PromptStyle
from training.dataset.attacked_copies import attacked_copies
from training.dataset.collected_labs import collect
from training.dataset.files import MANIFEST, error, publish
from training.dataset.near_copies import Sketches
from training.dataset.pairs import OptionOrder, rated_submissions
from training.dataset.report import LabReport, attacked_share, lab_report, lab_split
from training.dataset.row_formats import RowFormat
from training.dataset.rows import DatasetManifest, OutputFile
from training.dataset.splits import Side, Work, seeded_order, split
from training.dataset.spool import Spool

Progress = Callable[[str, int, int], None]
"""Called with the step's name, how much of it is done, and of how much."""


def _unseen(*_: object) -> None: ...


def build_dataset(
    parent: Path,
    train_path: Path,
    test_path: Path,
    *,
    style: PromptStyle,
    eval_labs: Sequence[str] = (),
    train_split: float = 0.7,
    row_format: RowFormat = "dpo",
    reasoning: bool = False,
    option_order: OptionOrder = "shuffled",
    shuffle: bool = False,
    seed: int = 0,
    augment_attacks: float = 0.0,
    progress: Progress = _unseen,
    report: Callable[[LabReport], None] = _unseen,
) -> DatasetManifest:
    """Writes the two files and `manifest.json` beside them, all or none; the same input gives the same bytes.

    `eval_labs` are shielded: all of their rated work is in the test file. `train_split` (0 to 1) is the share of the
    other students that is trained on. `shuffle` mixes the submissions of a file; a submission's rows stay together.
    With probability `augment_attacks` (0 to 1) a submission trained on also appears with a plea for the best rating in
    its program, as rows of its own, in which the TA's rating stays the chosen one; never in the test file.
    Submissions without a rating are in no file. `report` is called once a lab, when all is written.
    Memory is that of the largest lab and about 1 kB a submission.
    Raises InputError with the errors of all labs, having written nothing.
    """
    folders = _checked(parent, train_path, test_path, eval_labs, train_split, augment_attacks)
    train_path.parent.mkdir(parents=True, exist_ok=True)
    rated = partial(rated_submissions, style=style, reasoning=reasoning, option_order=option_order, seed=seed)
    copies = partial(attacked_copies, share=augment_attacks, **rated.keywords)
    with (
        TemporaryDirectory(prefix=".build-dataset-", dir=train_path.parent) as name,
        Spool(Path(name) / ".rows") as spool,
        Sketches(Path(name) / ".shingles") as sketches,
    ):
        labs = collect(folders, rated, copies, row_format, spool, sketches, partial(progress, "Reading labs"))
        works = [work for lab in labs for work in lab.works]
        near = partial(progress, "Looking for near-copies")
        sides = split(works, sketches, eval_labs=eval_labs, train_split=train_split, seed=seed, progress=near)
        works.sort(key=partial(_place, seed=seed, shuffle=shuffle))
        files = {train_path.name: Side.TRAIN, test_path.name: Side.TEST}
        outputs = _written(files, works, sides, spool, Path(name), partial(progress, "Writing"))
        manifest = DatasetManifest(
            grader_version=version("grader"),
            format=row_format,
            seed=seed,
            train_split=train_split,
            style=style,
            reasoning=reasoning,
            option_order=option_order,
            eval_labs=tuple(sorted(set(eval_labs))),
            labs={lab.name: lab_split(lab, sides) for lab in labs},
            inputs={lab.name: lab.sha256 for lab in labs},
            outputs=outputs,
            attacks=attacked_share(augment_attacks, labs, sides),
            secret=key_fingerprint(),
        )
        publish(Path(name), train_path.parent, manifest)
    for lab in labs:
        report(lab_report(lab, sides))
    return manifest


def _written(
    files: dict[str, Side],
    works: Sequence[Work],
    sides: dict[Work, Side],
    spool: Spool,
    folder: Path,
    progress: Callable[[int, int], None],
) -> dict[str, OutputFile]:
    """The files in `folder`, each with the rows of its side, in the order of `works`."""
    outputs = {}
    for number, (name, side) in enumerate(files.items(), 1):
        blocks = (block for work in works if sides[work] is side for block in work.blocks(side))
        outputs[name] = spool.write(blocks, folder / name)
        progress(number, len(files))
    return outputs


def _place(work: Work, seed: int, shuffle: bool) -> tuple[bytes | str, str, str]:
    """Where its rows stand: an order of ids would name them all to whoever has a class list."""
    pseudonym = submission_key(work.lab, work.student)
    return (seeded_order(seed, work.lab, work.program) if shuffle else work.lab, work.program, pseudonym)


def _checked(
    parent: Path,
    train_path: Path,
    test_path: Path,
    eval_labs: Sequence[str],
    train_split: float,
    augment_attacks: float,
) -> list[Path]:
    """The labs' folders. Raises InputError with everything that is wrong with what was asked for."""
    folders: list[Path] = []
    issues: list[Issue] = []
    try:
        folders = lab_folders(parent.resolve())
    except InputError as missing:
        issues.extend(missing.issues)
    names = [safe_name(folder.name) for folder in folders]
    for name in eval_labs if folders else ():
        if name not in names:
            hint = "Correct --eval-lab-names."
            issues.append(error("unknown-eval-lab", parent, f"no lab {name!r}", f"one of {', '.join(names)}", hint))
    for name in {name for name in names if names.count(name) > 1}:
        found = f"two folders whose names read {name}"
        issues.append(error("same-lab-name", parent, found, "a name of its own for each lab", "Rename one of them."))
    if (
        train_path.parent.resolve() != test_path.parent.resolve()
        or len({train_path.name, test_path.name, MANIFEST}) < 3
    ):
        expected = f"two files in one folder, neither named {MANIFEST}"
        hint = "Correct --train-dataset-path or --test-dataset-path."
        issues.append(error("bad-output-paths", train_path, f"{train_path} and {test_path}", expected, hint))
    for flag, example, share in (("train-split", 0.7, train_split), ("augment-attacks", 0.3, augment_attacks)):
        if not 0 <= share <= 1:
            hint = f"Correct --{flag}, such as {example}."
            issues.append(error(f"bad-{flag}", parent, f"{share}", "a share between 0 and 1", hint))
    if issues:
        raise InputError(issues)
    return folders
