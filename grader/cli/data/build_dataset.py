"""`grader build-dataset`: labs to a training file, a test file and a manifest."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from grader.cli.help import HelpCommand
from grader.cli.options import CourseName, Seed
from grader.progress_bars import step_bars
from grader.terminal import show

if TYPE_CHECKING:
    from grader.reviews import ReviewedLab
    from prompts.style import PromptStyle

MANY = ("--eval-lab-names",)
SWITCHES = ("--verbose", "--reasoning", "--shuffle")


def original(help_text: str, *names: str, **settings: Any) -> Any:
    """An option that the original program had, too."""
    return typer.Option(*names, help=help_text, rich_help_panel="As in the original program", **settings)


Parent = Annotated[Path | None, original("Folder with one folder per lab. Required.", "--parent-dir", metavar="FOLDER")]
EvalLabs = Annotated[
    list[str] | None,
    original(
        "Labs held out entirely for testing. Accepts A B, A,B or a repeated flag.", "--eval-lab-names", metavar="LAB..."
    ),
]
Split = Annotated[float, original("Fraction of students used for training, 0 to 1.")]
SystemPrompt = Annotated[
    Path | None,
    original(
        "Your own system prompt, a text file.", "--system-prompt-path", metavar="FILE", exists=True, dir_okay=False
    ),
]
TrainPath = Annotated[Path, original("Training file to write.", "--train-dataset-path", metavar="FILE")]
TestPath = Annotated[Path, original("Test file to write, in the same folder.", "--test-dataset-path", metavar="FILE")]
Verbose = Annotated[bool, original("Use the verbose problem statement. '--verbose 1' and '--verbose 0' also work.")]
Reasoning = Annotated[bool, original("Answers include a reason: the TA's comment, else the rating's description.")]
Shuffle = Annotated[bool, original("Shuffle the submissions. Rows of one submission stay together.")]
DevSplit = Annotated[
    float,
    typer.Option(
        help="Fraction of the training students to validate on while training, 0 to 1: dev.jsonl, for 'grader train "
        "--eval-dataset-path'."
    ),
]
Format = Annotated[
    Literal["dpo", "sft", "messages", "instruction"],
    typer.Option("--format", help="Row format. dpo, a pair for every wrong rating, is what 'grader train' reads."),
]
Wording = Annotated[
    Literal["full", "compact"],
    typer.Option(help="compact: short wording and shortened texts: fewer tokens, so faster on a CPU."),
]
Order = Annotated[
    Literal["given", "shuffled"],
    typer.Option(help="Option order. shuffled prevents a letter bias; given: the order of the rubric."),
]
Attacks = Annotated[
    float,
    typer.Option(help="Probability, 0 to 1, that a training program is added again with an injected prompt in it."),
]
Unobserved = Annotated[
    float,
    typer.Option(help="Probability, 0 to 1, that a program is shown without its observations, if it has any."),
]
SoftLabels = Annotated[
    list[Path] | None,
    typer.Option(
        help="Results of 'grader regrade --out' by a larger model (repeatable): its probabilities of unrated "
        "submissions become soft labels, in soft.jsonl.",
        metavar="FOLDER",
    ),
]
FromReviews = Annotated[
    bool,
    typer.Option(
        "--from-reviews",
        help="First write people's decisions of the store into the labs' rubric_ratings.csv; they outrank its cells.",
    ),
]
Verify = Annotated[
    bool,
    typer.Option("--verify", help="Write nothing. Compare the files, and the labs of --parent-dir, with the manifest."),
]


def build_dataset(
    parent_dir: Parent = None,
    eval_lab_names: EvalLabs = None,
    train_split: Split = 0.7,
    dev_split: DevSplit = 0.0,
    system_prompt_path: SystemPrompt = None,
    train_dataset_path: TrainPath = Path("data/train.jsonl"),
    test_dataset_path: TestPath = Path("data/test.jsonl"),
    verbose: Verbose = False,
    reasoning: Reasoning = False,
    shuffle: Shuffle = False,
    seed: Seed = 0,
    row_format: Format = "dpo",
    prompt: Wording = "full",
    option_order: Order = "shuffled",
    augment_attacks: Attacks = 0.0,
    unobserved_share: Unobserved = 0.2,
    soft_labels: SoftLabels = None,
    from_reviews: FromReviews = False,
    course: CourseName = None,
    verify: Verify = False,
) -> None:
    """Builds training and test files from graded labs.

    All work of a student is on one side, and near-copies of test submissions are excluded from training. Nothing is
    written if a lab has an error. The same labs and seed give the same bytes.

    Example: [bold]grader build-dataset --parent-dir labs --eval-lab-names lab4 lab7 --train-split 0.7[/]

    With the reviews of a course: [bold]grader build-dataset --parent-dir labs --from-reviews --course cs101[/]
    """
    from grader.tables.dataset import dataset_table, unchanged
    from training.dataset import build
    from training.dataset.collected_labs import LabReport
    from training.dataset.manifest import verify_dataset

    if verify:
        verified = verify_dataset(train_dataset_path.parent, parent_dir)
        show({"outputs": verified.outputs}, unchanged(verified, parent_dir is not None))
        return
    if parent_dir is None:
        raise typer.BadParameter("name the folder that contains the labs", param_hint="--parent-dir")
    reviewed, lines = save_decisions(parent_dir, course) if from_reviews else ([], [])
    reports: list[LabReport] = []
    with step_bars() as progress:
        options = build.DatasetOptions(
            style=prompt_style(prompt, system_prompt_path, verbose),
            eval_labs=tuple(eval_lab_names or ()),
            train_split=train_split,
            dev_split=dev_split,
            row_format=row_format,
            reasoning=reasoning,
            option_order=option_order,
            shuffle=shuffle,
            seed=seed,
            augment_attacks=augment_attacks,
            unobserved_share=unobserved_share,
            soft_labels=tuple(soft_labels or ()),
        )
        paths = train_dataset_path, test_dataset_path
        manifest = build.build_dataset(parent_dir, *paths, options, progress=progress, report=reports.append)
    document = {"outputs": manifest.outputs, "labs": reports, "reviews": reviewed}
    show(document, *lines, dataset_table(reports, manifest, train_dataset_path.parent))


def save_decisions(parent: Path, course: str | None) -> "tuple[list[ReviewedLab], list[str]]":
    """By default the course is named after the folder of the labs, as in `grader serve`."""
    from grader.reviews import review_lines, save_reviews
    from grader.service.local_store import local_store

    with local_store() as store:
        saved = save_reviews(store, parent, course or parent.resolve().name)
    return saved, list(review_lines(saved))


def prompt_style(prompt: Literal["full", "compact"], system_path: Path | None, verbose: bool) -> "PromptStyle":
    """`compact` takes fewer tokens: short texts, and no system prompt unless the user gives one.

    Raises InputError if the system prompt file is not UTF-8.
    """
    from labs_schema.errors import InputError, error_issue
    from prompts.style import PromptStyle, default_system

    try:
        system = system_path.read_text(encoding="utf-8").strip() if system_path is not None else None
    except UnicodeDecodeError as bad:
        found = f"an invalid byte at offset {bad.start}"
        raise InputError([error_issue("system-prompt-not-utf-8", system_path, found=found)]) from None
    if prompt == "compact":
        return PromptStyle(
            template="compact",
            system=system or "",
            verbose=verbose,
            problem_chars=150,
            description_chars=80,
            observed_chars=400,
        )
    return PromptStyle(system=default_system() if system is None else system, verbose=verbose)


class SpacedValues(HelpCommand):
    """Accepts the original program's syntax: several values after one flag, `1` or `0` after a switch.

    The command has no positional arguments, so every value after a flag belongs to that flag.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, standard_syntax(args))


def standard_syntax(args: list[str]) -> list[str]:
    """`--eval-lab-names A B --verbose 0` becomes `--eval-lab-names A --eval-lab-names B --no-verbose`."""
    plain: list[str] = []
    flag, used = "", False
    for arg in chain.from_iterable(map(_flag_and_value, args)):
        if arg.startswith("--"):
            flag, used = arg, False
            if flag not in MANY:
                plain.append(flag)
        elif flag in MANY:
            used = True
            plain += [word for name in arg.split(",") if name.strip() for word in (flag, name.strip())]
        elif flag in SWITCHES and not used and arg in ("0", "1"):
            used = True
            if arg == "0":
                plain[-1] = flag.replace("--", "--no-", 1)
        else:
            plain.append(arg)
    return plain


def _flag_and_value(arg: str) -> list[str]:
    """Splits `--flag=value` for the flags above."""
    flag, equals, value = arg.partition("=")
    return [flag, value] if equals and flag in MANY + SWITCHES else [arg]
