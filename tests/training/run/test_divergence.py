"""A training with a loss, gradient norm or weight that is not finite stops, and leaves nothing that looks finished."""

from pathlib import Path
from typing import Any

import pytest
import torch

from labs_schema.errors import ModelError
from tests.harness.errors import raises_code
from training.config import load_config
from training.models.finite_weights import check_finite, non_finite_weight, stored_weights
from training.trainers.dpo import dpo_trainer
from training.trainers.pretokenized import NonFiniteError
from training.trainers.sft import sft_trainer
from training.trainers.submission_batches import TrainerInputs


def trainer_of(kind: str, model: Any, examples: Any, arguments: dict[str, Any], tokenizer: Any, packing: Any) -> Any:
    from trl import DPOConfig, SFTConfig

    inputs = TrainerInputs(tokenizer, packing)
    if kind == "sft":
        return sft_trainer(model, examples, SFTConfig(**arguments, max_length=None), inputs)
    return dpo_trainer(model, examples, DPOConfig(**arguments), inputs)


@pytest.mark.parametrize("kind", ["sft", "dpo"])
@pytest.mark.parametrize("packing", ["tree", "none"])
@pytest.mark.parametrize("what", ["loss", "gradient norm"])
def test_the_first_bad_value_stops_before_a_weight_changes(
    kind: str, packing: str, what: str, make_model: Any, make_examples: Any, arguments: Any, word_tokenizer: Any
) -> None:
    model = make_model("gqa")
    trainer = trainer_of(kind, model, make_examples(4), arguments, word_tokenizer, packing)
    before = {name: p.clone() for name, p in model.named_parameters()}
    if what == "loss":
        compute = trainer.compute_loss
        trainer.compute_loss = lambda *a, **k: compute(*a, **k) * float("nan")
    else:  # a finite loss with an infinite gradient
        model.get_output_embeddings().weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(NonFiniteError) as error:
        trainer.train()
    assert error.value.code == "training-diverged"
    assert (what in error.value.what, error.value.step) == (True, 1) and error.value.rate > 0
    assert error.value.bad_after == 0
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())


@pytest.mark.slow
def test_a_diverged_run_names_step_rate_and_checkpoint_and_writes_no_model(here: Path) -> None:
    from training.run.train import train

    changes = ["sft.learning_rate=1e38", "save_steps=1", "logging_steps=1"]
    changes += ["sft.per_device_train_batch_size=1", "sft.warmup_steps=3"]  # the rate of the first step is 0
    with pytest.raises(ModelError) as error:
        train(load_config(here / "run.yaml", {"max_steps": 40}, changes))
    assert error.value.code == "training-diverged"
    (run,) = (each for each in (here / "runs").iterdir())
    message = str(error.value)
    assert "at step" in message and "learning rate" in message and f"--config {run.relative_to(here)}" in message
    # Step 2 moved the weights by 1e37, so step 3 fails: the checkpoint after step 2 is not a good one.
    assert str(run.relative_to(here) / "checkpoints/sft/checkpoint-1") in message
    assert non_finite_weight(stored_weights(run / "checkpoints/sft/checkpoint-1")) is None
    assert not {"manifest.json", "sft", "model", "adapter", "README.md"} & {path.name for path in run.iterdir()}
    assert not (here / "runs/latest").exists()


def test_a_bad_weight_is_named(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2), "b": torch.tensor([1.0, float("inf")])}, tmp_path / "w.safetensors")
    with raises_code("non-finite-weights", "weights b") as error:
        check_finite(stored_weights(tmp_path), tmp_path, "Retrain.")
    assert error.value.code == "non-finite-weights" and str(tmp_path) in str(error.value)
