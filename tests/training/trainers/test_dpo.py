import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from trl import DPOConfig

from training.trainers.dpo import dpo_trainer
from training.trainers.losses import PREFERENCE_LOSSES
from training.trainers.submission_batches import TrainerInputs


def lora() -> LoraConfig:
    """An adapter that is not zero initially, so that the reference differs from the policy."""
    layers = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    return LoraConfig(r=4, lora_alpha=8, init_lora_weights=False, target_modules=layers, task_type="CAUSAL_LM")


Compare = Callable[..., None]


@pytest.fixture
def same_step(
    make_model: Callable[[str], Any], make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any], step: Any
) -> Compare:
    """Asserts that a step over three batches of two submissions equals trl's step over their pairs one by one."""

    def compare(kind: str, *, ratings: int = 3, adapter: bool = True, one_batch: bool = False, **settings: Any) -> None:
        examples = make_examples(6, ratings=ratings)
        pairs = sum(len(c.rejected) for e in examples for c in e.criteria)
        steps = []
        for packing, batch, batches in (("none", 1, pairs), ("tree", 2, 3)):
            batch, batches = (batch * batches, 1) if one_batch else (batch, batches)
            sizes = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": batches}
            trainer = dpo_trainer(
                make_model(kind),
                examples,
                DPOConfig(**arguments | sizes | settings),
                TrainerInputs(
                    word_tokenizer,
                    packing=packing,  # type: ignore[arg-type]
                    new_adapter=lora() if adapter else None,
                ),
            )
            if trainer.ref_model is not None:
                for parameter in trainer.ref_model.parameters():
                    parameter.data.mul_(1.05)
            steps.append((*step(trainer), trainer.state.log_history[0]))
        (trl_loss, trl_gradient, trl_log), (loss, gradient, log) = steps
        assert loss == pytest.approx(trl_loss, rel=1e-6)
        assert torch.linalg.norm(gradient - trl_gradient) <= 1e-5 * torch.linalg.norm(trl_gradient)
        for name in ("loss", "rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected"):
            assert log[name] == pytest.approx(trl_log[name], rel=1e-4, abs=1e-5), name

    return compare


@pytest.mark.parametrize("kind", ["gqa", "window"])
def test_a_packed_step_equals_trls_step(kind: str, same_step: Compare) -> None:
    same_step(kind)


def _other_models() -> Iterator[Any]:
    for kind, ratings, adapter in itertools.product(["mha", "gqa", "window", "full"], [2, 3, 4], [True, False]):
        if kind in ("mha", "full") or ratings != 3 or not adapter:  # the others are those of the test before
            yield pytest.param(kind, ratings, adapter, marks=pytest.mark.slow if ratings == 3 else pytest.mark.nightly)


@pytest.mark.parametrize(("kind", "ratings", "adapter"), [*_other_models()])
def test_a_packed_step_equals_trls_step_for_other_models(
    kind: str, ratings: int, adapter: bool, same_step: Compare
) -> None:
    same_step(kind, ratings=ratings, adapter=adapter)


@pytest.mark.slow
@pytest.mark.parametrize("adapter", [True, False])
def test_gradient_checkpointing_does_not_change_the_step(adapter: bool, same_step: Compare) -> None:
    same_step("gqa", adapter=adapter, gradient_checkpointing=True)


@pytest.mark.slow
@pytest.mark.parametrize("loss_type", PREFERENCE_LOSSES)
def test_every_loss_equals_trls(loss_type: str, same_step: Compare) -> None:
    smoothing = 0.1 if loss_type in ("robust", "exo_pair", "aot", "aot_unpaired") else 0.0
    # AOT sorts the pairs of a batch, so both sides need the same batch. For the others, one batch is faster.
    same_step("gqa", one_batch=True, loss_type=[loss_type], label_smoothing=smoothing)


@pytest.mark.parametrize("setting", [{"loss_type": ["sigmoid", "sft"]}, {"precompute_ref_log_probs": True}], ids=str)
def test_options_without_packed_support_are_rejected(
    setting: dict[str, Any], make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        dpo_trainer(
            make_model("mha"), make_examples(1), DPOConfig(**arguments | setting), TrainerInputs(word_tokenizer)
        )


def test_an_existing_adapter_is_its_own_reference(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any], step: Any
) -> None:
    model = get_peft_model(make_model("mha"), lora())
    trainer = dpo_trainer(model, make_examples(3), DPOConfig(**arguments), TrainerInputs(word_tokenizer))
    loss, _ = step(trainer)
    assert "ref" in trainer.model.peft_config
    assert loss == pytest.approx(0.693147, abs=1e-5)  # log 2: policy and reference are equal


def test_training_increases_the_margin(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any]
) -> None:
    settings = arguments | {"max_steps": 12, "learning_rate": 5e-3, "optim": "adamw_torch"}
    trainer = dpo_trainer(
        make_model("mha"),
        make_examples(4),
        DPOConfig(**settings, per_device_train_batch_size=4),
        TrainerInputs(
            word_tokenizer,
            new_adapter=LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"),
        ),
    )
    trainer.train()
    margins = [log["rewards/margins"] for log in trainer.state.log_history if "rewards/margins" in log]
    assert margins[0] == pytest.approx(0, abs=1e-6)
    assert margins[-1] > 0.05


def test_truncation_and_attention_dropout_are_off(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any]
) -> None:
    model = make_model("mha")
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = 0.5
    settings = DPOConfig(**arguments)
    assert settings.max_length == 1024
    dpo_trainer(model, make_examples(2), settings, TrainerInputs(word_tokenizer, new_adapter=lora()))
    assert settings.max_length is None
    assert {layer.self_attn.attention_dropout for layer in model.model.layers} == {0.0}
