"""Adapters on the top layers: the same losses and weights with and without reuse of the lower layers' states."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from trl import DPOConfig, SFTConfig

from labs_schema.limits import TrainingLimits
from training.config import RunConfig
from training.models.loading import lora_config
from training.trainers import frozen_layers
from training.trainers.dpo import dpo_trainer
from training.trainers.frozen_layers import FrozenStates
from training.trainers.sft import sft_trainer
from training.trainers.submission_batches import TrainerInputs

Train = Callable[..., tuple[list[float], torch.Tensor, FrozenStates | None]]


@pytest.fixture
def train(make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any]) -> Train:
    """Three epochs over five submissions, an adapter on the upper of two layers. Returns losses, adapter and states."""

    def run(method: str, *, reuse: bool) -> tuple[list[float], torch.Tensor, FrozenStates | None]:
        model, examples = make_model("gqa"), make_examples(5)
        config = RunConfig.model_validate({"model": "m", "dataset": "d", "sft": {}, "lora_layers": 1, "lora_r": 4})
        adapter = lora_config(model, ("q_proj", "down_proj"), config.model_copy(update={"lora_dropout": 0.0}))
        inputs = TrainerInputs(word_tokenizer, new_adapter=adapter, adapted_layers=1 if reuse else None)
        settings = arguments | {"max_steps": 9, "per_device_train_batch_size": 2, "learning_rate": 0.5}
        if method == "sft":
            trainer = sft_trainer(model, examples, SFTConfig(**settings, max_length=None), inputs)
        else:
            trainer = dpo_trainer(model, examples, DPOConfig(**settings), inputs)
        trainer.train()
        losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
        trained = [p.flatten() for name, p in trainer.model.named_parameters() if p.requires_grad]
        assert all("layers.1." in name for name, p in trainer.model.named_parameters() if p.requires_grad)
        states = [m.frozen_states for m in trainer.model.modules() if hasattr(m, "frozen_states")]
        return losses, torch.cat(trained).detach(), states[0] if states else None

    return run


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_reused_states_give_the_same_training(method: str, train: Train) -> None:
    losses, weights, none = train(method, reuse=False)
    reused_losses, reused_weights, states = train(method, reuse=True)
    assert none is None and len(losses) == 9 and losses[0] != losses[-1]
    assert reused_losses == pytest.approx(losses, rel=1e-5)
    torch.testing.assert_close(reused_weights, weights, rtol=1e-4, atol=1e-6)
    assert states is not None and len(states._states) == 5


def test_each_submission_passes_the_frozen_layers_once(train: Train) -> None:
    _, _, states = train("sft", reuse=True)
    assert states is not None
    held = sum(len(part) for part in states._states.values())
    # Each epoch draws other batches: a known submission is computed again with a partner that is new.
    assert held <= states.computed_tokens < 2 * held
    assert states.bytes == held * 32 * 4


def test_without_room_the_states_are_computed_again(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _, _ = train("sft", reuse=True)
    monkeypatch.setattr(frozen_layers, "TrainingLimits", lambda: TrainingLimits(frozen_states_bytes=4000))
    losses, _, states = train("sft", reuse=True)
    assert losses == pytest.approx(expected, rel=1e-5)
    assert states is not None and 0 < states.bytes <= 4000 and states.computed_tokens > 300
