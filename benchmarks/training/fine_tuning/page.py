"""The section "Fine-tuned, frozen and zero-shot" of training.md, and fine-tuning.png."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
from matplotlib import pyplot

from benchmarks.heads.course import HEAD, MODEL, SHARE
from benchmarks.heads.tables import interval, machine, table
from benchmarks.training.fine_tuning.programs import DEV_SHARE, Sides
from benchmarks.training.fine_tuning.recipes import BETA, Epoch
from benchmarks.trust.adaptive_attacks.page import with_section
from labs_schema.models import Lab
from serving.measures.agreement import difference
from serving.measures.decisions import Decision

matplotlib.use("Agg")
SETTING = "unseen students"
HEADING = "## Fine-tuned, frozen and zero-shot\n"
SECTION = """## Fine-tuned, frozen and zero-shot

Command: `OMP_NUM_THREADS={threads} python -m benchmarks.training.fine_tuning FOLDER docs/measurements
--work WORK{options}`,
{machine}: {labs} labs ({names}), {programs} programs, base model {model}, one split by student, one seed.

- *Unseen students*: {share} of the students are for training, {test} students are tested. Heads and baselines learn
  from all ratings of the training students. Fine-tuning holds out {dev_share} of these students, whose loss chooses
  recipe and epoch, and learns from the others ({trained} programs).
- *Zero-shot* and *tuned*: the most probable of the criterion's letters, after the compact prompt
  (`grader build-dataset --prompt compact --option-order given`), in bfloat16.
- *Tuned*: LoRA as in `training/recipes/smollm2-135m.yaml` (rank 16, top 6 layers; the states of the layers below are
  computed once). {per_step} programs a step, cosine schedule over {epochs} epochs.
- *Head*: on the frozen model, layers 10 and 20. *Head on tuned model* reads the last layer, too, because adapters
  change only the top layers; *head, also last layer* reads the same layers of the model before tuning. The tuned model
  has seen the ratings of most programs that its head is fitted on. *Averaged*: the geometric mean of the probabilities
  of *tuned* and *head*.
- Near-copies are not removed. Intervals: 95 %, over students.

{table}

Difference in agreement to *head*, paired by decision: {differences}.

### Recipes

Agreement on the {dev} validation students (same split, fewer students for training; majority {dev_majority:.3f}, head
{dev_head:.3f}). CPU time of training and validation, without the {frozen} layers below.

{recipes}

- A recipe is a loss and its highest rate; `letter-0.001` is that of `smollm2-135m.yaml`. *letter*: cross-entropy of
  the TA's letter among all tokens. *options*: among the criterion's letters. *balanced*: with class weights, so that
  all ratings of a criterion weigh the same. *ordinal*: cross-entropy of "at most this rating" for each rating but the
  last. *dpo*: DPO on the TA's letter against each other letter, with beta {beta:g}; after another recipe's name, it
  continues that recipe's best adapter. *seed*: the same recipe with another adapter, order of programs and dropout.

![Validation loss and agreement by epoch](fine-tuning.png)
"""


class Measured(NamedTuple):
    """`decisions`: grader -> decisions on the test students. `curves`: recipe -> epochs. `on_dev`: grader -> agreement
    on the validation students."""

    decisions: dict[str, list[Decision]]
    curves: dict[str, list[Epoch]]
    on_dev: dict[str, float]


def write_page(arguments: argparse.Namespace, labs: Sequence[Lab], split: Sides, found: Measured) -> None:
    text, _ = table({(SETTING, grader): given for grader, given in found.decisions.items()})
    students = {student for lab in labs for student in lab.ratings_by_student}
    learning = split.train - split.dev
    section = SECTION.format(
        options="".join(f" --lab {name}" for name in arguments.lab or ())
        + f" --epochs {arguments.epochs} --recipes {' '.join(arguments.recipes)}",
        threads=os.environ.get("OMP_NUM_THREADS", os.cpu_count()),
        machine=machine(),
        labs=len(labs),
        names=", ".join(lab.name for lab in labs),
        programs=sum(len(lab.ratings_by_student) for lab in labs),
        model=MODEL,
        share=f"{SHARE:.0%}",
        test=len(students - split.train),
        dev_share=f"{DEV_SHARE:.0%}",
        trained=sum(student in learning for lab in labs for student in lab.ratings_by_student),
        per_step=4,
        epochs=arguments.epochs,
        table=text,
        differences="; ".join(
            f"{grader} {_gain(given, found.decisions[HEAD])}"
            for grader, given in found.decisions.items()
            if grader != HEAD
        ),
        dev=len(split.dev & students),
        dev_majority=found.on_dev["majority"],
        dev_head=found.on_dev[HEAD],
        frozen=24,
        beta=BETA,
        recipes=_recipes(found.curves),
    )
    path = arguments.out / "training.md"
    path.write_text(with_section(path.read_text(encoding="utf-8"), HEADING, section), encoding="utf-8")
    _draw(found, arguments.out / "fine-tuning.png")


def _gain(ours: Sequence[Decision], head: Sequence[Decision]) -> str:
    estimate = difference(ours, head)["agreement"]
    return interval(estimate.value, estimate.low, estimate.high)


def _recipes(curves: Mapping[str, Sequence[Epoch]]) -> str:
    epochs = max((len(curve) for curve in curves.values()), default=1)
    head = ["recipe", "CPU minutes", "lowest loss", *(f"epoch {n}" for n in range(epochs))]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, curve in curves.items():
        cells = [f"{each.dev_agreement:.3f} (loss {each.dev_loss:.3f})" for each in curve]
        best = min(each.dev_loss for each in curve)
        row = [name, f"{curve[-1].seconds / 60:.0f}", f"{best:.3f}", *cells, *[""] * (epochs - len(cells))]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def _draw(found: Measured, path: Path) -> None:
    figure, axes = pyplot.subplots(1, 2, figsize=(12, 4))
    for name, curve in found.curves.items():
        axes[0].plot([each.dev_loss for each in curve], marker="o", label=name)
        axes[1].plot([each.dev_agreement for each in curve], marker="o", label=name)
    for number, (name, value) in enumerate(found.on_dev.items()):
        axes[1].axhline(value, linestyle="--", color=f"{0.3 + 0.3 * number}", label=name)
    for each, label in zip(axes, ("validation loss, nats a decision", "validation agreement"), strict=True):
        each.set(xlabel="epoch", ylabel=label)
        each.xaxis.get_major_locator().set_params(integer=True)
        each.grid(alpha=0.3)
    axes[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
