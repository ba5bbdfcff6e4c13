"""Runs a labelling session in the terminal: `label_lab`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.prompt import Prompt

from grader.heads.base import open_base
from grader.heads.label_files import append_version, other_labs, save_ratings
from grader.heads.run import save_run
from grader.heads.session import LabelSession
from grader.progress_bars import step_bars
from grader.terminal import printable
from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, Submission
from labs_schema.reading.validate import load_lab
from prompts.base_models import find_base
from prompts.messages import option_text
from prompts.verdict import LETTERS
from serving.review.labelling.labelling import MIN_PROGRAMS, TARGET, Readiness, Version, readiness
from training.run_folder import update_latest_link

SKIP, QUIT = "skip", "quit"
"""Words, because a criterion may have up to 26 letters."""
ADVICE = {
    Readiness.TOO_FEW: f"Rate at least {MIN_PROGRAMS}.",
    Readiness.TOO_LOW: "Rate more.",
    Readiness.READY: "The rest can be graded.",
}


@dataclass(frozen=True)
class LabelOptions:
    """`parent`: the folder with rated labs to learn from. `out`: for versions and the head. `target`: the agreement at
    which the rest can be graded. `propose`: only list that many programs. `finish`: only fit and save."""

    parent: Path
    model: str
    out: Path
    target: float = TARGET
    seed: int = 0
    propose: int | None = None
    finish: bool = False


class Labelled(Frozen):
    """`proposed`: the folders of the programs to rate first, if only they were requested. Otherwise `model`, the run
    folder, and its `version`."""

    proposed: tuple[str, ...] = ()
    model: Path | None = None
    version: Version | None = None


def label_lab(folder: Path, options: LabelOptions, console: Console) -> Labelled:
    """Prints its progress and its result to `console`.

    Raises InputError for an invalid lab, ModelError for an unusable base model, GraderError without ratings.
    """
    lab, base = load_lab(folder), open_base(find_base(options.model), None)
    if not any(file.text.strip() for submission in lab.submissions for file in submission.files):
        raise GraderError(f"{folder}: the lab has no program to rate.", code="nothing-to-learn")
    others = [other for other in other_labs(options.parent, folder) if other.ratings_by_student]
    with step_bars() as show:
        session = LabelSession(lab, others, base, seed=options.seed, progress=show)
    version = session.refit() if session.can_fit else None
    if options.propose:
        proposed = tuple(submission.folder for submission in session.next_submissions(options.propose))
        for name in proposed:
            console.print(name, markup=False, highlight=False)
        return Labelled(proposed=proposed)
    if not options.finish:
        version = _rate(session, folder, options, console) or version
    if session.head is None or version is None:
        raise GraderError("No rating to learn from: rate at least one program.", code="nothing-to-learn")
    if options.finish:
        append_version(version, options.out)
    run = save_run(session.head, base, options.out)
    update_latest_link(run)
    base.states.close()
    console.print(status_line(version, options.target), highlight=False)
    command = (
        f"grader regrade {folder} --model {options.out / 'latest'} --out {Path('regraded') / folder.resolve().name}"
    )
    console.print(f"Version {version.head_hash[:12]} is in {run}. Grade the rest with:\n  {command}", highlight=False)
    return Labelled(model=run, version=version)


def status_line(version: Version, target: float) -> str:
    """The estimated agreement, and whether the rest can be graded."""
    found = version.estimate
    if found is None:
        return "No program of this lab is rated yet."
    line = (
        f"{found.programs} programs rated. Estimated agreement {found.agreement:.2f} "
        f"[{found.low:.2f}, {found.high:.2f}] (always the most frequent rating: {found.majority:.2f})."
    )
    return f"{line} {ADVICE[readiness(found, target)]}"


def _rate(session: LabelSession, folder: Path, options: LabelOptions, console: Console) -> Version | None:
    """Runs until the user stops or everything is rated. Returns the last version."""
    version, skipped = None, list[str]()
    while proposed := session.next_submissions(1, skipped):
        [submission] = proposed
        _show(submission, console)
        for criterion in session.lab.criteria:
            answer = _question(criterion, console)
            if answer == QUIT:
                return version
            if answer == SKIP:
                skipped.append(submission.student)
                break
            rating = criterion.ratings[LETTERS.index(answer)].title
            session.rate(submission.student, criterion.title, rating)
            save_ratings(session.lab, session.ratings, folder)
        else:
            version = session.refit()
            append_version(version, options.out)
            console.print(status_line(version, options.target), highlight=False)
    console.print("Every program is rated or skipped.")
    return version


def _show(submission: Submission, console: Console) -> None:
    console.rule(escape(printable(submission.folder)))
    for file in submission.files:
        console.print(f"[bold]{escape(printable(file.path))}[/]")
        for number, line in enumerate(file.text.splitlines(), 1):
            console.print(f"{number:4} {printable(line)}", markup=False, highlight=False)


def _question(criterion: Criterion, console: Console) -> str:
    console.print(f"\n[bold]{escape(criterion.title)}[/] {escape(criterion.description)}", highlight=False)
    letters: Sequence[str] = LETTERS[: len(criterion.ratings)]
    for letter, rating in zip(letters, criterion.ratings, strict=True):
        console.print(f"  {letter}) {option_text(rating)}", markup=False, highlight=False)
    try:
        found: str = Prompt.ask("Rating", choices=[*letters, SKIP, QUIT], case_sensitive=False, console=console)
    except (EOFError, KeyboardInterrupt):
        return QUIT
    return found
