"""`grader build-dataset`: labs to a training file, a test file and a manifest."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich import print as show

from grader.progress_bars import step_bars


def original(help_text: str, *names: str, **settings: Any) -> Any:
    """An option that the original program had too."""
    return typer.Option(*names, help=help_text, rich_help_panel="As in the original program", **settings)


Parent = Annotated[Path | None, original("The folder that holds a folder for each lab. Needed.")]
EvalLabs = Annotated[
    list[str] | None,
    original("Labs that are shielded whole: all their work is kept for testing. A B, A,B or the flag again."),
]
Split = Annotated[float, original("The share of students that is trained on, 0 to 1.")]
SystemPrompt = Annotated[Path | None, original("Your own system prompt, a text file.", exists=True, dir_okay=False)]
TrainPath = Annotated[Path, original("The training file to write.")]
TestPath = Annotated[Path, original("The test file to write, in the same folder.")]
Verbose = Annotated[bool, original("Take the verbose problem statement. '--verbose 1' and '--verbose 0' work too.")]
Reasoning = Annotated[bool, original("Answers give a reason: the TA's comment, or else the rating's description.")]
Shuffle = Annotated[bool, original("Mix the submissions. The rows of a submission stay together.")]
Seed = Annotated[int, typer.Option(help="Decides the split, the order of options and the shuffle.")]
Format = Annotated[
    Literal["dpo", "sft", "messages", "instruction"],
    typer.Option("--format", help="dpo: a pair for every wrong rating; what 'grader train' reads."),
]
Wording = Annotated[
    Literal["full", "compact"],
    typer.Option("--prompt", help="compact: short wording and shortened texts, for the tiny built-in base model."),
]
Order = Annotated[
    Literal["given", "shuffled"],
    typer.Option(help="shuffled: no letter comes to mean 'good'. given: the rubric's order, for the tiny model."),
]
Attacks = Annotated[
    float,
    typer.Option(
        help="How probable, 0 to 1, that a program trained on also appears with a plea for marks written into it, "
        "which its right answer leaves aside."
    ),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify", help="Write nothing. Hash the files, and the labs of --parent-dir, and name what changed."
    ),
]


def build_dataset(
    parent_dir: Parent = None,
    eval_lab_names: EvalLabs = None,
    train_split: Split = 0.7,
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
    verify: Verify = False,
) -> None:
    """Makes a training and a test file out of graded labs, with a manifest beside them.

    Students are dealt to one side with all their work, and near-copies of test submissions are never trained on.
    Nothing is written where a lab has an error. The same labs and the same seed give the same bytes.

    Example: [bold]grader build-dataset --parent-dir labs --eval-lab-names lab4 lab7 --train-split 0.7[/]
    """
    from grader.prompt_styles import prompt_style
    from grader.tables.dataset import dataset_table, unchanged
    from training.dataset import build, files
    from training.dataset.report import LabReport

    if verify:
        show(unchanged(files.verify(train_dataset_path.parent, parent_dir), parent_dir is not None))
        return
    if parent_dir is None:
        raise typer.BadParameter("name the folder that holds the labs", param_hint="--parent-dir")
    reports: list[LabReport] = []
    with step_bars() as progress:
        manifest = build.build_dataset(
            parent_dir,
            train_dataset_path,
            test_dataset_path,
            style=prompt_style(prompt, system_prompt_path, verbose),
            eval_labs=eval_lab_names or (),
            train_split=train_split,
            row_format=row_format,
            reasoning=reasoning,
            option_order=option_order,
            shuffle=shuffle,
            seed=seed,
            augment_attacks=augment_attacks,
            progress=progress,
            report=reports.append,
        )
    show(dataset_table(reports, manifest, train_dataset_path.parent))
