"""Validation measures the loss of training, and agreement with the TAs, in one forward pass for each submission."""

from pathlib import Path
from typing import Any

import pytest
import torch

from training.trainers.dpo import dpo_trainer
from training.trainers.losses import PairLogps, dpo_loss
from training.trainers.sft import SftObjective, sft_trainer
from training.trainers.submission_batches import TrainerInputs
from training.trainers.validation import ValidationData, count_agreeing


def answer_log_probs(model: Any, example: Any, criterion: Any, answer: tuple[int, ...]) -> torch.Tensor:
    """The log-probabilities of an answer's tokens, from a plain forward pass over this sequence alone."""
    prompt = [*example.shared, *criterion.prompt]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*prompt, *answer]])).logits[0].log_softmax(-1)
    return logits[len(prompt) - 1 : -1].gather(-1, torch.tensor(answer)[:, None])[:, 0]


def counting(model: Any) -> list[int]:
    """The tokens of each forward pass from now on."""
    passes: list[int] = []
    model.model.layers[0].register_forward_hook(lambda *call: passes.append(call[2][0].shape[-2]))
    return passes


@pytest.mark.parametrize("packing", ["tree", "none"])
@pytest.mark.parametrize("letters_only", [True, False])
def test_sft_validation_equals_one_sequence_at_a_time(
    packing: Any, letters_only: bool, make_model: Any, make_examples: Any, arguments: Any, word_tokenizer: Any
) -> None:
    from trl import SFTConfig

    held_out = make_examples(7, seed=3)
    inputs = TrainerInputs(word_tokenizer, packing, validation=ValidationData(tuple(held_out), every=1))
    config = SFTConfig(**arguments, max_length=None)
    trainer = sft_trainer(make_model("gqa"), make_examples(3), config, inputs, SftObjective(letters_only=letters_only))
    passes = counting(trainer.model)
    metrics = trainer.evaluate()
    assert len(passes) == len(held_out)
    model = make_model("gqa").eval()
    nats, agreeing = [], []
    for example in held_out:
        for criterion in example.criteria:
            answers = [answer_log_probs(model, example, criterion, a) for a in (criterion.chosen, *criterion.rejected)]
            nats += answers[0][:1].tolist() if letters_only else answers[0].tolist()
            agreeing.append(all(answers[0][0] > other[0] for other in answers[1:]))
    assert metrics["eval_loss"] == pytest.approx(-sum(nats) / len(nats), rel=1e-5)
    assert metrics["eval_agreement"] == pytest.approx(sum(agreeing) / len(agreeing))
    assert metrics["eval_criteria"] == len(agreeing) and 0 < sum(agreeing) < len(agreeing)


@pytest.mark.parametrize("packing", ["tree", "none"])
def test_dpo_validation_equals_one_sequence_at_a_time(
    packing: Any, make_model: Any, make_examples: Any, arguments: Any, word_tokenizer: Any
) -> None:
    from trl import DPOConfig

    held_out = make_examples(4, seed=3)
    inputs = TrainerInputs(word_tokenizer, packing, validation=ValidationData(tuple(held_out), every=1))
    trainer = dpo_trainer(make_model("gqa"), make_examples(3), DPOConfig(**arguments, beta=0.5), inputs)
    with torch.no_grad():
        trainer.model.lm_head.weight += 0.05 * torch.randn(70, 32, generator=torch.Generator().manual_seed(1))
    metrics = trainer.evaluate()
    policy, reference = trainer.model.eval(), make_model("gqa").eval()
    losses = []
    for example in held_out:
        for criterion in example.criteria:
            for rejected in criterion.rejected:
                sums = [
                    answer_log_probs(model, example, criterion, answer).sum()[None]
                    for model in (policy, reference)
                    for answer in (criterion.chosen, rejected)
                ]
                pairs = PairLogps(sums[0], sums[1], sums[2], sums[3], torch.ones(1), torch.ones(1))
                losses.append(float(dpo_loss(pairs, 0.5)))
    assert metrics["eval_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_a_criterion_agrees_if_the_tas_letter_beats_every_other() -> None:
    letters = torch.tensor([-1.0, -1.0, -1.0, -0.5, -2.0, -0.9, -3.0, -0.5])  # 4 pairs: the TA's, then the others'
    assert count_agreeing(letters, [0, 0, 1, 2]) == (1, 3)  # 0 loses to -0.9, 1 wins, 2 ties


@pytest.mark.parametrize(
    ("losses", "patience", "last", "best"),
    [
        ([9, 3, 2, 4, 5, 1], None, 5, 5),
        ([9, 3, 2, 4, 5, 1], 2, 4, 2),
        ([0, 3, 4, 5, 6, 7], 1, 2, 1),  # the untrained model is not a candidate
        ([9, 3, 2, 1, 0, -1], 1, 5, 5),
    ],
)
def test_the_best_step_is_stored_and_patience_ends_the_training(
    losses: list[float], patience: int | None, last: int, best: int,
    make_model: Any, make_examples: Any, arguments: Any, word_tokenizer: Any, tmp_path: Path, monkeypatch: Any,
) -> None:  # fmt: skip
    from trl import SFTConfig

    from training.run.callbacks import ValidateWhileTraining
    from training.trainers.validation import Validation

    def metrics(_: Any, trainer: Any) -> dict[str, float]:
        return {"eval_loss": float(losses[trainer.state.global_step]), "eval_agreement": 0.5, "eval_criteria": 1.0}

    monkeypatch.setattr(Validation, "metrics", metrics)
    examples = make_examples(6)
    settings = {**arguments, "max_steps": 5, "save_strategy": "steps", "save_steps": 1000, "save_total_limit": 1}
    settings |= {"metric_for_best_model": "eval_loss", "greater_is_better": False, "per_device_train_batch_size": 1}

    def trainer(limit: int = 5) -> Any:
        inputs = TrainerInputs(word_tokenizer, validation=ValidationData(tuple(examples), 1, patience))
        config = SFTConfig(**{**settings, "max_steps": limit}, max_length=None)
        made = sft_trainer(make_model("gqa"), examples, config, inputs)
        made.add_callback(ValidateWhileTraining(made))
        return made

    whole = trainer()
    whole.train()
    assert (whole.state.global_step, whole.state.best_global_step) == (last, best)
    assert (tmp_path / f"checkpoint-{best}").is_dir()
    seen = [log["step"] for log in whole.state.log_history if "eval_loss" in log]
    assert seen == list(range(last + 1))

    # Resumed from the best checkpoint, as after a kill: same end, same best.
    resumed = trainer()
    resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{best}"))
    assert (resumed.state.global_step, resumed.state.best_global_step) == (last, best)


def test_validation_does_not_read_the_frozen_states_of_training(
    make_model: Any, make_examples: Any, arguments: Any, word_tokenizer: Any
) -> None:
    from peft import LoraConfig
    from trl import SFTConfig

    found = []
    for layers in (1, None):
        adapter = LoraConfig(r=2, target_modules=["q_proj"], layers_to_transform=[1], layers_pattern="layers")
        data = ValidationData(tuple(make_examples(4, seed=3)), every=1)
        inputs = TrainerInputs(word_tokenizer, new_adapter=adapter, adapted_layers=layers, validation=data)
        trainer = sft_trainer(make_model("gqa"), make_examples(4), SFTConfig(**arguments, max_length=None), inputs)
        trainer.train()
        found.append(trainer.evaluate())
    assert found[0] == pytest.approx(found[1], rel=1e-5)
