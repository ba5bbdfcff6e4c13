from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from trl import DPOConfig

from training.trainers.dpo import dpo_trainer

SETTINGS: list[dict[str, Any]] = [
    {"gradient_checkpointing": True},
    {"precompute_ref_log_probs": True},
    {"loss_type": ["ipo"]},
    {"loss_type": ["robust"], "label_smoothing": 0.1},
    {"loss_type": ["hinge"]},
    {"loss_type": ["apo_zero"]},
]


def lora() -> LoraConfig:
    """An adapter that is not zero at the start, so that the reference differs from the policy."""
    layers = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    return LoraConfig(r=4, lora_alpha=8, init_lora_weights=False, target_modules=layers, task_type="CAUSAL_LM")


Compare = Callable[..., None]


@pytest.fixture
def same_step(
    make_model: Callable[[str], Any], make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any], step: Any
) -> Compare:
    """Asserts that three batches of two submissions and stock trl's step over the same pairs, one by one, agree."""

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
                processing_class=word_tokenizer,
                packing=packing,  # type: ignore[arg-type]
                peft_config=lora() if adapter else None,
            )
            if trainer.ref_model is not None:
                for parameter in trainer.ref_model.parameters():
                    parameter.data.mul_(1.05)
            steps.append((*step(trainer), trainer.state.log_history[0]))
        (stock_loss, stock_gradient, stock_log), (loss, gradient, log) = steps
        assert loss == pytest.approx(stock_loss, rel=1e-6)
        assert torch.linalg.norm(gradient - stock_gradient) <= 1e-5 * torch.linalg.norm(stock_gradient)
        for name in ("rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected"):
            assert log[name] == pytest.approx(stock_log[name], rel=1e-4, abs=1e-5), name

    return compare


@pytest.mark.parametrize("kind", ["gqa", "window"])
def test_a_step_over_trees_is_trls_step_over_pairs(kind: str, same_step: Compare) -> None:
    same_step(kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mha", "gqa", "window", "full"])
@pytest.mark.parametrize("ratings", [2, 3, 4])
@pytest.mark.parametrize("adapter", [True, False])
def test_so_it_is_for_any_number_of_ratings_with_an_adapter_or_all_weights(
    kind: str, ratings: int, adapter: bool, same_step: Compare
) -> None:
    same_step(kind, ratings=ratings, adapter=adapter)


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("adapter", [True, False])
def test_so_it_is_for_every_way_of_training(settings: dict[str, Any], adapter: bool, same_step: Compare) -> None:
    same_step("gqa", adapter=adapter, **settings)


@pytest.mark.slow
def test_a_loss_that_is_a_mean_over_a_batchs_tokens_is_trls_on_the_same_batch(same_step: Compare) -> None:
    same_step("gqa", one_batch=True, loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.5])


def test_the_reference_can_be_computed_beforehand(same_step: Compare) -> None:
    same_step("gqa", precompute_ref_log_probs=True)


def test_a_reference_computed_for_other_submissions_of_the_same_shape_is_not_taken(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any]
) -> None:
    settings = DPOConfig(**arguments, precompute_ref_log_probs=True)
    one, other = (
        dpo_trainer(make_model("mha"), make_examples(2, seed=seed), settings, processing_class=word_tokenizer)
        for seed in (0, 1)
    )
    assert one.train_dataset["submission"][:] == other.train_dataset["submission"][:]
    assert one.train_dataset["ref_chosen_logps"][0] != other.train_dataset["ref_chosen_logps"][0]


def test_an_adapter_that_sft_trained_is_its_own_reference(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any], step: Any
) -> None:
    model = get_peft_model(make_model("mha"), lora())
    trainer = dpo_trainer(model, make_examples(3), DPOConfig(**arguments), processing_class=word_tokenizer)
    loss, _ = step(trainer)
    assert "ref" in trainer.model.peft_config
    assert loss == pytest.approx(0.693147, abs=1e-5)  # log 2: policy and reference are still equal


def test_a_few_steps_widen_the_margin(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any]
) -> None:
    settings = arguments | {"max_steps": 12, "learning_rate": 5e-3, "optim": "adamw_torch"}
    trainer = dpo_trainer(
        make_model("mha"),
        make_examples(4),
        DPOConfig(**settings, per_device_train_batch_size=4),
        processing_class=word_tokenizer,
        peft_config=LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"),
    )
    trainer.train()
    margins = [log["rewards/margins"] for log in trainer.state.log_history if "rewards/margins" in log]
    assert margins[0] == pytest.approx(0, abs=1e-6)
    assert margins[-1] > 0.05


def test_trls_truncation_is_off_and_dropout_inside_attention_too(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any]
) -> None:
    model = make_model("mha")
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = 0.5
    settings = DPOConfig(**arguments)
    assert settings.max_length == 1024
    dpo_trainer(model, make_examples(2), settings, processing_class=word_tokenizer, peft_config=lora())
    assert settings.max_length is None
    assert {layer.self_attn.attention_dropout for layer in model.model.layers} == {0.0}
