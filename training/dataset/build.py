"""Builds a training file, a test file and a manifest from labs on disk."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from labs_schema.errors import InputError, Issue, error_issue, raise_errors
from labs_schema.files.full_disk import reporting_full_disk
from labs_schema.hashes import submission_key
from labs_schema.near_copies.sketches import Sketches
from labs_schema.privacy.pseudonym_key import key_fingerprint
from labs_schema.reading.validate import lab_folders
from labs_schema.submissions.file_names import safe_name
from training.dataset.attacked_copies import attacked_copies
from training.dataset.collected_labs import (
    CollectedLab,
    LabCollector,
    LabReport,
    Sides,
    augmentation,
    group_members,
    lab_report,
    lab_split,
)
from training.dataset.manifest import DEV_FILE, MANIFEST, SOFT_FILE, DatasetManifest, OutputFile, publish
from training.dataset.pairs import PromptOptions, rated_submissions
from training.dataset.row_formats import RowFormat
from training.dataset.soft_labels import find_results
from training.dataset.splits import RatedSubmission, Side, seeded_order, split
from training.dataset.spool import Spool

Progress = Callable[[str, int, int], None]
"""Called with the step's name, the amount done and the total."""


class DatasetOptions(PromptOptions):
    """All rated work of the `eval_labs` is held out. `train_split` (0 to 1): the share of all other students to train
    on, and `dev_split` (0 to 1) the share of those to validate on, in a file of its own.
    `shuffle` mixes the submissions of a file; the rows of a submission stay together. `augment_attacks` (0 to 1):
    the probability that a training submission also appears with an injected prompt, as rows of its own in which the
    TA's rating is still the chosen one. `soft_labels`: folders of `grader regrade --out`, whose probabilities of
    unrated submissions are written into a file of their own."""

    eval_labs: tuple[str, ...] = ()
    train_split: float = 0.7
    dev_split: float = 0.0
    row_format: RowFormat = "dpo"
    shuffle: bool = False
    augment_attacks: float = 0.0
    soft_labels: tuple[Path, ...] = ()


def _ignore(*_: object) -> None: ...


def build_dataset(
    parent: Path,
    train_path: Path,
    test_path: Path,
    options: DatasetOptions,
    *,
    progress: Progress = _ignore,
    report: Callable[[LabReport], None] = _ignore,
) -> DatasetManifest:
    """Writes the two files and `manifest.json` in their folder, all or none. The same input gives the same bytes.

    Submissions without a rating or a soft label are in no file. `report` is called once per lab after everything is
    written. Uses the memory of the largest lab and about 1 kB per submission.
    Raises InputError with the errors of all labs, or if there is nothing to train on although `train_split` asks for
    it, before anything is written, and DiskFullError.
    """
    folders = _check_input(parent, train_path, test_path, options)
    train_path.parent.mkdir(parents=True, exist_ok=True)
    with (
        reporting_full_disk(train_path.parent, "run grader build-dataset again: nothing was written."),
        TemporaryDirectory(prefix=".build-dataset-", dir=train_path.parent) as name,
        Spool(Path(name) / ".rows") as spool,
        Sketches(Path(name) / ".shingles") as sketches,
    ):
        prompts = partial(rated_submissions, options=options)
        copies = partial(attacked_copies, options=options, share=options.augment_attacks)
        results = find_results(options.soft_labels, [safe_name(folder.name) for folder in folders])
        collector = LabCollector(prompts, copies, results, options, options.row_format, spool, sketches)
        labs = collector.collect(folders, partial(progress, "Reading labs"))
        rated = [one for lab in labs for one in lab.rated]
        sides = split(
            rated,
            sketches,
            eval_labs=options.eval_labs,
            train_split=options.train_split,
            dev_split=options.dev_split,
            seed=options.seed,
            progress=partial(progress, "Looking for near-copies"),
        )
        _check_training(parent, sides, options)
        rated.sort(key=partial(_position, options=options))
        files = {train_path.name: Side.TRAIN, test_path.name: Side.TEST}
        files |= {DEV_FILE: Side.DEV} if options.dev_split else {}
        files |= {SOFT_FILE: Side.SOFT} if options.soft_labels else {}
        outputs = _write(files, rated, sides, spool, Path(name), partial(progress, "Writing"))
        manifest = _manifest(labs, sides, outputs, options)
        publish(Path(name), train_path.parent, manifest)
    for lab in labs:
        report(lab_report(lab, sides))
    return manifest


def _manifest(
    labs: Sequence[CollectedLab], sides: Sides, outputs: dict[str, OutputFile], options: DatasetOptions
) -> DatasetManifest:
    return DatasetManifest(
        grader_version=version("grader"),
        format=options.row_format,
        seed=options.seed,
        train_split=options.train_split,
        dev_split=options.dev_split,
        style=options.style,
        reasoning=options.reasoning,
        option_order=options.option_order,
        eval_labs=tuple(sorted(set(options.eval_labs))),
        labs={lab.name: lab_split(lab, sides) for lab in labs},
        inputs={lab.name: lab.sha256 for lab in labs},
        outputs=outputs,
        unobserved_share=options.unobserved_share,
        attacks=augmentation(options.augment_attacks, labs, sides),
        secret=key_fingerprint(),
        groups={lab.name: members for lab in labs if (members := group_members(lab, sides))},
        teachers={lab.name: lab.teacher for lab in labs if lab.teacher},
    )


def _check_training(parent: Path, sides: Sides, options: DatasetOptions) -> None:
    counts = Counter(sides.values())
    if not options.train_split or counts[Side.TRAIN]:
        return
    held_out, copies = counts[Side.TEST], counts[Side.SET_ASIDE]
    rated = len(sides) - counts[Side.SOFT] - counts[Side.LEFT_OUT]
    found = f"rated submissions: {rated}; held out for testing: {held_out}, near-copies of them: {copies}"
    if copies:
        hint = "Put the code that students were given into the lab's template/ folder, or change --seed."
    elif held_out:
        hint = "Hold out fewer labs, or raise --train-split; --train-split 0 builds a test file only."
    else:
        hint = "Add rubric_ratings.csv and submissions of the same students; `grader check` lists the unmatched ones."
    raise InputError([error_issue("no-training-rows", parent, found=found, hint=hint)])


def _write(
    files: dict[str, Side],
    rated: Sequence[RatedSubmission],
    sides: Sides,
    spool: Spool,
    folder: Path,
    progress: Callable[[int, int], None],
) -> dict[str, OutputFile]:
    """Writes the files into `folder`, each with the rows of its side in the order of `rated`."""
    outputs = {}
    for number, (name, side) in enumerate(files.items(), 1):
        blocks = (block for one in rated if sides[one] is side for block in one.blocks(side))
        outputs[name] = spool.write(blocks, folder / name)
        progress(number, len(files))
    return outputs


def _position(one: RatedSubmission, options: DatasetOptions) -> tuple[bytes | str, str, str]:
    """Sort key of the rows. Sorted by student id, the rows could be matched with a class list."""
    first = seeded_order(options.seed, one.lab, one.program) if options.shuffle else one.lab
    return first, one.program, submission_key(one.lab, one.student)


def _check_input(parent: Path, train_path: Path, test_path: Path, options: DatasetOptions) -> list[Path]:
    """The labs' folders. Raises InputError with everything that is wrong with the arguments."""
    folders: list[Path] = []
    issues: list[Issue] = []
    try:
        folders = lab_folders(parent.resolve())
    except InputError as missing:
        issues.extend(missing.issues)
    names = [safe_name(folder.name) for folder in folders]
    for name in options.eval_labs if folders else ():
        if name not in names:
            expected = f"one of {', '.join(names)}"
            issues.append(error_issue("unknown-eval-lab", parent, found=f"no lab {name!r}", expected=expected))
    for name in {name for name in names if names.count(name) > 1}:
        issues.append(error_issue("same-lab-name", parent, found=f"two folders named {name} after cleaning"))
    same_folder = train_path.parent.resolve() == test_path.parent.resolve()
    if not same_folder or len({train_path.name, test_path.name, MANIFEST, DEV_FILE, SOFT_FILE}) < 5:
        expected = f"two files in one folder, neither named {MANIFEST}, {DEV_FILE} or {SOFT_FILE}"
        found = f"{train_path} and {test_path}"
        issues.append(error_issue("bad-output-paths", train_path, found=found, expected=expected))
    shares = {
        "bad-train-split": options.train_split,
        "bad-dev-split": options.dev_split,
        "bad-augment-attacks": options.augment_attacks,
        "bad-unobserved-share": options.unobserved_share,
    }
    issues += [error_issue(code, parent, found=f"{share}") for code, share in shares.items() if not 0 <= share <= 1]
    if options.soft_labels and options.row_format != "dpo":
        issues.append(error_issue("soft-labels-format", parent, found=f"--format {options.row_format}"))
    raise_errors(issues)
    return folders
