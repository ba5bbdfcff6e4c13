"""Agreement of a fine-tuned language model, of heads on its features, and of the same model before, on one split.

Run: OMP_NUM_THREADS=2 python -m benchmarks.training.fine_tuning FOLDER_OF_LABS docs/measurements --work FOLDER

Tries the recipes one after another and writes a section of training.md, and fine-tuning.png, into the second folder,
again after each one. --work has the states of the lower layers, curves and adapters; an interrupted run continues. The
split by student, the heads and the baselines are those of benchmarks/heads/agreement.py with seed 0. The recipes are
trained in one loop of this benchmark, over the product's token trees, adapters and reused lower layers.

Time: hours. Figures: docs/measurements/training.md.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.heads.course import (
    HEAD,
    MAJORITY,
    MODEL,
    SHARE,
    WORDS,
    Course,
    kinds_of_heads,
    rated_by,
    without_observations,
)
from benchmarks.heads.graders import answer, by_head, by_majority, by_words
from benchmarks.training.fine_tuning.model import TopLayers, merged
from benchmarks.training.fine_tuning.page import Measured, write_page
from benchmarks.training.fine_tuning.programs import Program, Question, Sides, read_programs, sides
from benchmarks.training.fine_tuning.recipes import RECIPES, Epoch, Recipe, probabilities, read_curve, train
from grader.heads.base import HeadBase, open_base
from grader.heads.fitting import read_features
from grader.progress_bars import step_bars
from labs_schema.models import Lab
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.base_models import find_base
from prompts.encode import PromptEncoder
from prompts.tokenizer import load_tokenizer
from serving.measures.decisions import Decision, decisions_from_answers
from training.config import RunConfig, load_config

RUN = Path("training/recipes/smollm2-135m.yaml")
CONTEXT, LAST = 4096, 30
"""Tokens of a prompt, and the last layer."""
ADAPTER = "adapter.safetensors"
ZERO_SHOT, TUNED, TUNED_HEAD = "zero-shot", "tuned", "head on tuned model"
LAST_LAYER_HEAD, AVERAGED = "head, also last layer", "tuned and head, averaged"
Show = Callable[[str, int, int], None]
Students = list[tuple[Lab, list[str]]]
Answers = list[Decision]


class Bench(NamedTuple):
    """`decisions`: grader -> its decisions on the test students, sorted."""

    labs: list[Lab]
    split: Sides
    programs: list[Program]
    work: Path
    epochs: int
    decisions: dict[str, list[Decision]]

    def numbers(self, students: frozenset[str]) -> list[int]:
        return [number for number, program in enumerate(self.programs) if program.student in students]

    def questions(self, numbers: Sequence[int]) -> list[Question]:
        return [q for number in numbers for q in self.programs[number].questions]

    def folder(self, recipe: Recipe) -> Path:
        return self.work / recipe.name

    def labs_of(self, students: frozenset[str]) -> Students:
        return [(lab, [s for s in lab.ratings_by_student if s in students]) for lab in self.labs]

    @property
    def test_students(self) -> frozenset[str]:
        return frozenset(program.student for program in self.programs) - self.split.train

    @property
    def test(self) -> list[int]:
        return self.numbers(self.test_students)

    def add(self, grader: str, found: Sequence[Decision]) -> None:
        self.decisions[grader] = sorted(found, key=lambda d: (d.lab, d.criterion, d.student))


def by_letters(questions: Sequence[Question], found: Sequence[np.ndarray]) -> list[Decision]:
    pairs = zip(questions, found, strict=True)
    return [d for q, p in pairs for d in decisions_from_answers(q.lab, [(q.student, answer(q.criterion, p))])]


def baselines(bench: Bench) -> None:
    trained, tested = bench.labs_of(bench.split.train), bench.labs_of(bench.test_students)
    bench.add(MAJORITY, _majority(trained, tested))
    bench.add(WORDS, by_words(trained, tested))


def _majority(trained: Students, tested: Students) -> list[Decision]:
    sides = zip(trained, tested, strict=True)
    return [d for (lab, students), (_, others) in sides for d in by_majority(lab, students, [], others)]


def head_decisions(bench: Bench, base: HeadBase, train: frozenset[str], test: frozenset[str], show: Show) -> Answers:
    features = read_features([(lab, lab.submissions) for lab in bench.labs], base, 0, show)
    course = Course(bench.labs, {HEAD: kinds_of_heads(features)[HEAD]}, base)
    ratings = [rated_by(lab, students) for lab, students in bench.labs_of(train)]
    return by_head(course, HEAD, ratings, bench.labs_of(test))


def validation(bench: Bench, base: HeadBase, show: Show) -> dict[str, float]:
    """The agreement on validation students of graders that learn from the same students as the tuned model."""
    train, dev = bench.split.train - bench.split.dev, bench.split.dev
    found = {
        MAJORITY: _majority(bench.labs_of(train), bench.labs_of(dev)),
        HEAD: head_decisions(bench, base, train, dev, show),
    }
    return {grader: float(np.mean([d.human == d.grader for d in given])) for grader, given in found.items()}


def averaged(first: Sequence[Decision], second: Sequence[Decision], labs: Sequence[Lab]) -> list[Decision]:
    """The geometric means of two graders' probabilities."""
    by_name, found = {lab.name: lab for lab in labs}, []
    for one, other in zip(first, second, strict=True):
        assert (one.lab, one.criterion, one.student) == (other.lab, other.criterion, other.student)
        both = np.sqrt(np.maximum(one.probabilities, 1e-9) * np.maximum(other.probabilities, 1e-9))
        criterion = by_name[one.lab].criterion(one.criterion)
        found += decisions_from_answers(by_name[one.lab], [(one.student, answer(criterion, both / both.sum()))])
    return found


def try_recipe(bench: Bench, recipe: Recipe, run: RunConfig, show: Show) -> None:
    """Trains with `recipe`, unless an earlier run did."""
    import torch

    out = bench.folder(recipe)
    out.mkdir(exist_ok=True)
    planned, curve = read_curve(out)
    if planned == bench.epochs and len(curve) == planned + 1:
        return
    model = loaded(bench, run, show)
    torch.manual_seed(recipe.seed)
    weights = model.add_adapter(run)
    if recipe.after:
        model.load_adapter(bench.work / recipe.after / ADAPTER)
    numbers = bench.numbers(bench.split.train - bench.split.dev), bench.numbers(bench.split.dev)
    train(model, recipe, weights, numbers, bench.epochs, out, show)


def loaded(bench: Bench, run: RunConfig, show: Show, *, read: bool = True) -> TopLayers:
    """`read`: compute the states of all programs now, or those of an earlier run; otherwise when they are needed."""
    import torch

    torch.manual_seed(0)
    model = TopLayers(find_base(MODEL), run.lora_layers or 0, bench.programs, bench.work / "states")
    for done, rows in model.read() if read else ():
        show("states of the lower layers", done, rows)
    return model


def curves_of(bench: Bench) -> dict[Recipe, list[Epoch]]:
    found = {recipe: read_curve(bench.folder(recipe))[1] for recipe in RECIPES.values()}
    return {recipe: curve for recipe, curve in found.items() if len(curve) > 1}


def best_recipe(bench: Bench) -> Recipe:
    """The one with the lowest validation loss after any epoch."""
    curves = curves_of(bench)
    return min(curves, key=lambda recipe: min(each.dev_loss for each in curves[recipe][1:]))


def test_best(bench: Bench, run: RunConfig, show: Show) -> None:
    model = loaded(bench, run, show)
    model.add_adapter(run)
    model.load_adapter(bench.folder(best_recipe(bench)) / ADAPTER)
    bench.add(TUNED, by_letters(bench.questions(bench.test), probabilities(model, bench.test)))
    bench.add(AVERAGED, averaged(bench.decisions[TUNED], bench.decisions[HEAD], bench.labs))


def heads_on_last_layer(bench: Bench, run: RunConfig, show: Show) -> None:
    """Adapters change only the top layers, so these heads read the last one, too."""
    source, best = find_base(MODEL), bench.folder(best_recipe(bench))
    if not (best / "merged" / "tokenizer.json").exists():
        merged(source, run, best / ADAPTER, best / "merged")
        load_tokenizer(source.source).save_pretrained(best / "merged")
    layers = (*open_base(source, None).layers, LAST)
    for grader, model in ((LAST_LAYER_HEAD, source), (TUNED_HEAD, find_base(str(best / "merged")))):
        found = head_decisions(bench, open_base(model, layers), bench.split.train, bench.test_students, show)
        bench.add(grader, found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--lab", action="append", help="only this lab; repeatable")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--recipes", nargs="*", choices=RECIPES, default=list(RECIPES), help="none: only zero-shot")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    folders = [f for f in lab_folders(arguments.labs) if not arguments.lab or f.name in arguments.lab]
    labs = [without_observations(lab) for folder in folders if (lab := load_lab(folder)).language == "C"]
    run, base = load_config(RUN), open_base(find_base(MODEL), None)
    encoder = PromptEncoder(base.tokenizer, context_length=CONTEXT, on_overlong="middle")
    split = sides(labs, SHARE, 0)
    bench = Bench(labs, split, read_programs(labs, encoder), arguments.work, arguments.epochs, {})
    with step_bars() as show:
        baselines(bench)
        bench.add(HEAD, head_decisions(bench, base, split.train, bench.test_students, show))
        on_dev = validation(bench, base, show)
        model = loaded(bench, run, show, read=bool(arguments.recipes))
        bench.add(ZERO_SHOT, by_letters(bench.questions(bench.test), probabilities(model, bench.test)))
        del model

        def write() -> None:
            found = Measured(bench.decisions, {r.name: c for r, c in curves_of(bench).items()}, on_dev)
            write_page(arguments, bench.labs, split, found)

        write()
        for name in arguments.recipes:
            try_recipe(bench, RECIPES[name], run, show)
            test_best(bench, run, show)
            write()
        if arguments.recipes:
            heads_on_last_layer(bench, run, show)
            write()


if __name__ == "__main__":
    main()
