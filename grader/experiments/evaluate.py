"""Grades the work that a data set kept for evaluation and compares with the TAs, beside two graders that cost nothing.

The commonest rating is taken from the students trained on; in a held-out lab, where nobody was, from that lab's own
grades: a baseline that knows what no grader may know. The untuned model is the base under the same prompts.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from grader.experiments.evaluation import COMMONEST, Evaluation, Group, Part
from grader.step_bars import step_bars
from labs_schema.errors import FaultsError
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from labs_schema.names import clean
from labs_schema.validate import lab_folders, load_lab
from prompts.encode import OnOverlong
from prompts.style import PromptStyle
from serving.engines.engine_choice import EngineName
from serving.measures.agreement import agreement, difference
from serving.measures.confusion_figure import draw_confusions
from serving.measures.decisions import Decision, commonest_ratings, constant_decisions, decisions
from serving.served_model import load_grader
from training.bases import find_base
from training.dataset_files import changed_labs
from training.rows import DatasetManifest, LabSplit
from training.run_folder import open_run_folder

UNSEEN, HELD_OUT = "unseen students of seen labs", "held-out labs"
TUNED, UNTUNED = "tuned model", "untuned base"
CHUNK = 16
"""Submissions to an engine call."""

Answers = dict[str, list[Decision]]
"""Lab -> a grader's decisions on the lab's kept work, in the lab's order."""


def evaluate_run(
    run: Path, labs: Path, out: Path, *, engine: EngineName = "auto", base: bool = True, resamples: int = 2000
) -> Evaluation:
    """Evaluates the model of `run` on the work that its data set kept, found again in the folder `labs`.

    Writes `evaluation.json`, `decisions.jsonl` and a picture a group into `out`. Raises FaultsError where a lab has
    changed since or cannot be read, ModelError where the run or its base cannot be served.
    """
    folder, config = open_run_folder(run)
    dataset = folder.read_dataset_manifest()
    if faults := changed_labs(dataset, labs):
        raise FaultsError(faults)
    folders = {clean(folder.name): folder for folder in lab_folders(labs.resolve())}
    kept = [(load_lab(folders[name]), split) for name, split in dataset.labs.items() if split.test]
    graders = {TUNED: model_answers(str(run), kept, TUNED, engine)}
    if base:
        source = find_base(config.model).source
        cut: OnOverlong = "middle" if config.on_overlong == "middle" else "error"
        graders[UNTUNED] = model_answers(source, kept, UNTUNED, engine, dataset.style, cut)
    graders[COMMONEST] = {lab.name: commonest_answers(lab, split) for lab, split in kept}
    groups = {}
    out.mkdir(parents=True, exist_ok=True)
    for name, members in lab_groups(dataset).items():
        found = {grader: [*chain(*(answers.get(lab, []) for lab in members))] for grader, answers in graders.items()}
        if found[TUNED]:
            groups[name] = compare(found, resamples)
            picture = out / f"confusion-{name.replace(' ', '-')}.png"
            draw_confusions(found[TUNED], picture, title=f"{name}: what the TA gave and what the tuned model gave")
    evaluation = Evaluation(groups=groups)
    (out / "evaluation.json").write_text(evaluation.model_dump_json(indent=1) + "\n", encoding="utf-8")
    rows = (decision.model_dump_json() + "\n" for decision in chain(*graders[TUNED].values()))
    (out / "decisions.jsonl").write_text("".join(rows), encoding="utf-8")
    return evaluation


def lab_groups(dataset: DatasetManifest) -> dict[str, list[str]]:
    """The two questions an evaluation answers, and the labs that each is asked of."""
    held_out = set(dataset.eval_labs)
    return {
        UNSEEN: [name for name in dataset.labs if name not in held_out],
        HELD_OUT: [name for name in dataset.labs if name in held_out],
    }


def kept_work(lab: Lab, split: LabSplit) -> list[Submission]:
    """The submissions of `lab` that the data set kept for evaluation."""
    test = set(split.test)
    return [s for s in lab.submissions if submission_key(lab.name, s.student) in test]


def model_answers(
    model: str,
    kept: Sequence[tuple[Lab, LabSplit]],
    name: str,
    engine: EngineName,
    style: PromptStyle | None = None,
    on_overlong: OnOverlong | None = None,
) -> Answers:
    """What `model` answers on all kept work, with a progress bar called `name`; a manifest knows the other two."""
    answers: Answers = {}
    grader = load_grader(model, engine=engine, style=style, on_overlong=on_overlong)
    work = [(lab, kept_work(lab, split)) for lab, split in kept]
    total, done = sum(len(submissions) for _, submissions in work), 0
    with step_bars() as show:
        show(name, 0, total)
        for lab, submissions in work:
            answers[lab.name] = []
            for start in range(0, len(submissions), CHUNK):
                chunk = submissions[start : start + CHUNK]
                answers[lab.name] += decisions(lab, grader.grade(lab, chunk))
                done += len(chunk)
                show(name, done, total)
    grader.close()
    return answers


def commonest_answers(lab: Lab, split: LabSplit) -> list[Decision]:
    """What always giving the commonest rating answers; see the module's docstring for whose commonest."""
    train = set(split.train)
    trained = [student for student in lab.ratings_given if submission_key(lab.name, student) in train]
    students = [s.student for s in kept_work(lab, split)]
    return constant_decisions(lab, students, commonest_ratings(lab, trained or students))


def compare(found: Mapping[str, list[Decision]], resamples: int) -> Group:
    """Figures of every grader of `found` on the same decisions; the first one's also by lab and by criterion."""
    main, *others = found
    ours = found[main]
    return Group(
        labs=tuple(sorted({d.lab for d in ours})),
        graders={name: agreement(each, resamples=resamples) for name, each in found.items()},
        differences={name: difference(ours, found[name], resamples=resamples) for name in others},
        by_lab=_parts(ours, found[COMMONEST], lambda d: d.lab, resamples),
        by_criterion=_parts(ours, found[COMMONEST], lambda d: d.criterion, resamples),
    )


def _parts(
    ours: list[Decision], commonest: list[Decision], key: Callable[[Decision], str], resamples: int
) -> dict[str, Part]:
    parts = {}
    for name in dict.fromkeys(map(key, ours)):
        mine, theirs = ([d for d in each if key(d) == name] for each in (ours, commonest))
        parts[name] = Part(
            grader=agreement(mine, resamples=resamples),
            over_commonest=difference(mine, theirs, resamples=resamples)["agreement"],
        )
    return parts
