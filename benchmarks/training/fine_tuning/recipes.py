"""Recipes of fine-tuning: losses, rates, and a training loop that measures validation students after each epoch."""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from benchmarks.training.fine_tuning.model import TopLayers
from benchmarks.training.fine_tuning.programs import Question

WARM_UP, SAVE_EVERY, PROGRESS = 0.05, 8, "progress.pt"
"""The share of steps with a rising rate, the steps between two saves, and the file that they write."""
BETA = 0.1
"""Of DPO, as in training/recipes/smollm2-135m.yaml."""
Loss = Callable[[Tensor, Tensor, Sequence[Question], "Context"], Tensor]
"""(hidden states (M, width), weights of the vocabulary (V, width), questions, context) -> a scalar."""


class Recipe(NamedTuple):
    """`loss`: a key of LOSSES. `rate`: the highest learning rate. `after`: the name of the recipe whose best adapter it
    continues. `seed`: of the adapter, the order of the programs and dropout."""

    loss: str
    rate: float
    after: str = ""
    seed: int = 0

    @property
    def name(self) -> str:
        parts = [self.after, f"{self.loss}-{self.rate:g}", f"seed-{self.seed}" if self.seed else ""]
        return "-".join(part for part in parts if part)


class Context:
    """Inputs of the losses besides the batch. `weights`: all ratings of a criterion together weigh as much in training,
    however rare they are. `reference`: the probabilities (options,) of the model before training, by question."""

    def __init__(self, questions: Sequence[Question], reference: Sequence[np.ndarray]) -> None:
        self._reference = {_key(q): p for q, p in zip(questions, reference, strict=True)}
        self._ratings = Counter((q.criterion.title, q.given) for q in questions)
        self._totals = Counter(q.criterion.title for q in questions)
        self._classes = Counter(title for title, _ in self._ratings)

    def weight(self, question: Question) -> float:
        title = question.criterion.title
        return self._totals[title] / self._classes[title] / max(1, self._ratings[title, question.given])

    def reference(self, question: Question) -> np.ndarray:
        return self._reference[_key(question)]


def _key(question: Question) -> tuple[str, str, str]:
    return question.lab.name, question.student, question.criterion.title


def option_logits(hidden: Tensor, vocabulary: Tensor, questions: Sequence[Question]) -> Tensor:
    """(M, most options), -inf past a question's options."""
    widest = max(len(q.letters) for q in questions)
    ids = torch.tensor([[*q.letters, *[q.letters[0]] * (widest - len(q.letters))] for q in questions])
    missing = torch.tensor([[i >= len(q.letters) for i in range(widest)] for q in questions])
    logits = torch.einsum("mw,mow->mo", hidden.float(), vocabulary[ids].float())
    return logits.masked_fill(missing, float("-inf"))


def _given(questions: Sequence[Question]) -> Tensor:
    return torch.tensor([q.given for q in questions])


def letter_loss(hidden: Tensor, vocabulary: Tensor, questions: Sequence[Question], _: Context) -> Tensor:
    """The cross-entropy of the letter among all tokens: `answer_only: letter` of a run."""
    return cross_entropy((hidden @ vocabulary.T).float(), torch.tensor([q.letters[q.given] for q in questions]))


def options_loss(hidden: Tensor, vocabulary: Tensor, questions: Sequence[Question], _: Context) -> Tensor:
    """The cross-entropy among the criterion's letters."""
    return cross_entropy(option_logits(hidden, vocabulary, questions), _given(questions))


def balanced_loss(hidden: Tensor, vocabulary: Tensor, questions: Sequence[Question], context: Context) -> Tensor:
    """The cross-entropy among the criterion's letters, with class weights."""
    each = cross_entropy(option_logits(hidden, vocabulary, questions), _given(questions), reduction="none")
    factors = torch.tensor([context.weight(q) for q in questions])
    return (each * factors).sum() / factors.sum()


def ordinal_loss(hidden: Tensor, vocabulary: Tensor, questions: Sequence[Question], _: Context) -> Tensor:
    """The mean over thresholds k of the cross-entropy of "the rating is at most the k-th": near misses cost less."""
    below = option_logits(hidden, vocabulary, questions).softmax(1).cumsum(1)[:, :-1].clamp(1e-6, 1 - 1e-6)
    thresholds = torch.arange(below.shape[1])[None]
    is_below = _given(questions)[:, None] <= thresholds
    real = thresholds < torch.tensor([len(q.letters) - 1 for q in questions])[:, None]
    each = -torch.where(is_below, below, 1 - below).log()
    return (each * real).sum(1).div(real.sum(1)).mean()


def dpo_loss(hidden: Tensor, vocabulary: Tensor, questions: Sequence[Question], context: Context) -> Tensor:
    """DPO (Rafailov et al. 2023, equation 7) on the TA's letter against each other one. The normalisers over the
    vocabulary cancel, so the difference of two letters' log-probabilities is that of their logits."""
    each = []
    for row, question in zip(option_logits(hidden, vocabulary, questions), questions, strict=True):
        policy = row[: len(question.letters)]
        reference = torch.tensor(context.reference(question), dtype=policy.dtype).clamp_min(1e-9).log()
        gained = (policy - policy[question.given]) - (reference - reference[question.given])
        others = torch.arange(len(gained)) != question.given
        each.append(-logsigmoid(-BETA * gained[others]).mean())
    return torch.stack(each).mean()


LOSSES: dict[str, Loss] = {
    "letter": letter_loss,
    "options": options_loss,
    "balanced": balanced_loss,
    "ordinal": ordinal_loss,
    "dpo": dpo_loss,
}
RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("options", 1e-3),
        Recipe("letter", 2e-4),
        Recipe("ordinal", 1e-3),
        Recipe("balanced", 1e-3),
        Recipe("options", 3e-3),
        Recipe("letter", 1e-3),
        Recipe("dpo", 1e-3),
        Recipe("dpo", 1e-3, after="options-0.001"),
        Recipe("options", 1e-3, seed=1),
        Recipe("options", 1e-3, seed=2),
    )
}
"""`letter-0.001` has loss and rate of training/recipes/smollm2-135m.yaml."""


class Epoch(NamedTuple):
    """`train_loss`: mean over steps of the recipe's own loss; `dev_loss`: nats per decision. `seconds`: of CPU time."""

    train_loss: float
    dev_loss: float
    dev_agreement: float
    seconds: float


def probabilities(model: TopLayers, numbers: Sequence[int]) -> list[np.ndarray]:
    """Of the options of each question of these programs, in order."""
    model.train(training=False)
    found = []
    for row in model.rows(numbers):
        questions = [q for number in row for q in model.programs[number].questions]
        with torch.no_grad():
            logits = option_logits(model.answers(row), model.head, questions)
        found += [p[: len(q.letters)].numpy() for p, q in zip(logits.softmax(1).double(), questions, strict=True)]
    return found


def measured(model: TopLayers, numbers: Sequence[int]) -> tuple[float, float]:
    """The mean negative log-probability of the TAs' ratings, and the agreement with them."""
    questions = [q for number in numbers for q in model.programs[number].questions]
    rows = list(zip(probabilities(model, numbers), questions, strict=True))
    loss = -float(np.mean([math.log(max(p[q.given], 1e-9)) for p, q in rows]))
    return loss, float(np.mean([p.argmax() == q.given for p, q in rows]))


def train(
    model: TopLayers,
    recipe: Recipe,
    weights: Sequence[Tensor],
    numbers: tuple[Sequence[int], Sequence[int]],
    epochs: int,
    out: Path,
    show: Callable[[str, int, int], None],
) -> None:
    """Trains the adapter with the weights `weights` on the first `numbers` and measures the second ones. Writes
    `curve.json` after each epoch, and the adapter of the epoch with the lowest validation loss."""
    train_on, dev = numbers
    learned = [q for number in train_on for q in model.programs[number].questions]
    context = Context(learned, probabilities(model, train_on) if recipe.loss == "dpo" else [np.empty(0)] * len(learned))
    optimizer = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.0)
    rows = [row for epoch in range(epochs) for row in model.rows(_order(train_on, recipe.seed, epoch))]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, len(rows)))
    progress = Progress.open(out, weights, optimizer, schedule)
    curve = read_curve(out)[1] or [Epoch(math.nan, *measured(model, dev), 0.0)]
    per_epoch, started = len(rows) // epochs, time.process_time()
    for step in range(progress.step, len(rows)):
        model.train(training=True)
        torch.manual_seed(step + 1000 * recipe.seed)
        questions = [q for number in rows[step] for q in model.programs[number].questions]
        loss = LOSSES[recipe.loss](model.answers(rows[step]), model.head, questions, context)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        progress.add(loss.item(), time.process_time() - started)
        started = time.process_time()
        show(f"{recipe.name}: steps", step + 1, len(rows))
        if (step + 1) % per_epoch == 0:
            recent = float(np.mean(progress.losses[-per_epoch:]))
            curve = [*curve[: (step + 1) // per_epoch], Epoch(recent, *measured(model, dev), progress.seconds)]
            if curve[-1].dev_loss <= min(each.dev_loss for each in curve[1:]):
                model.save_adapter(out / "adapter.safetensors")
            _write(out / "curve.json", {"recipe": recipe._asdict(), "epochs": epochs, "curve": curve})
        if (step + 1) % SAVE_EVERY == 0 or (step + 1) % per_epoch == 0:
            progress.save(out, weights, optimizer, schedule)


def _order(numbers: Sequence[int], seed: int, epoch: int) -> list[int]:
    found: list[int] = np.random.default_rng(epoch + 1000 * seed).permutation(numbers).tolist()
    return found


class Progress:
    """The state of an interrupted training. `seconds`: of CPU time."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.seconds = 0.0

    @property
    def step(self) -> int:
        return len(self.losses)

    def add(self, loss: float, seconds: float) -> None:
        self.losses.append(loss)
        self.seconds += seconds

    @classmethod
    def open(cls, out: Path, weights: Sequence[Tensor], optimizer: Any, schedule: Any) -> "Progress":
        progress = cls()
        if (out / PROGRESS).exists():
            found = torch.load(out / PROGRESS, weights_only=True)
            progress.losses, progress.seconds = found["losses"], found["seconds"]
            with torch.no_grad():
                for weight, saved in zip(weights, found["weights"], strict=True):
                    weight.copy_(saved)
            optimizer.load_state_dict(found["optimizer"])
            schedule.load_state_dict(found["schedule"])
        return progress

    def save(self, out: Path, weights: Sequence[Tensor], optimizer: Any, schedule: Any) -> None:
        content = {
            "losses": self.losses,
            "seconds": self.seconds,
            "weights": [weight.detach() for weight in weights],
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
        }
        draft = out / f"{PROGRESS}.part"
        torch.save(content, draft)
        draft.replace(out / PROGRESS)


def _rate(step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine."""
    warm = max(1, round(WARM_UP * steps))
    return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _write(path: Path, content: Any) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
    draft.replace(path)


def read_curve(out: Path) -> tuple[int, list[Epoch]]:
    """The planned epochs, and those that are finished (the first entry is the untrained model); (0, []) if none."""
    if not (out / "curve.json").exists():
        return 0, []
    found = json.loads((out / "curve.json").read_text(encoding="utf-8"))
    return found["epochs"], [Epoch(*each) for each in found["curve"]]
