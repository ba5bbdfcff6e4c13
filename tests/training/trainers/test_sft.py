from collections.abc import Callable
from typing import Any

import pytest
import torch
from trl import SFTConfig

from training.dataset.examples import TrainingExample
from training.trainers.sft import SftObjective, sft_trainer
from training.trainers.submission_batches import TrainerInputs

Compare = Callable[..., None]


@pytest.fixture
def same_step(
    make_model: Callable[[str], Any], make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any], step: Any
) -> Compare:
    """Asserts that a step over three batches of two submissions equals trl's step over their criteria one by one."""

    def compare(kind: str, *, letters_only: bool = False, **settings: Any) -> None:
        examples = make_examples(6)
        steps = []
        for packing, batch, batches in (("none", 1, sum(len(e.criteria) for e in examples)), ("tree", 2, 3)):
            sizes = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": batches}
            trainer = sft_trainer(
                make_model(kind),
                examples,
                SFTConfig(**arguments | settings, **sizes),
                TrainerInputs(word_tokenizer, packing=packing),  # type: ignore[arg-type]
                SftObjective(letters_only=letters_only),
            )
            steps.append(step(trainer))
        (trl_loss, trl_gradient), (loss, gradient) = steps
        assert loss == pytest.approx(trl_loss, rel=1e-6)
        assert torch.linalg.norm(gradient - trl_gradient) <= 1e-5 * torch.linalg.norm(trl_gradient)

    return compare


@pytest.mark.parametrize("kind", ["gqa", "window"])
def test_a_packed_step_equals_trls_step(kind: str, same_step: Compare) -> None:
    same_step(kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mha", "full"])
def test_a_packed_step_equals_trls_step_with_other_attention(kind: str, same_step: Compare) -> None:
    same_step(kind)


def test_a_packed_step_equals_trls_step_for_letters(same_step: Compare) -> None:
    same_step("gqa", letters_only=True)


def test_a_packed_step_equals_trls_step_with_gradient_checkpointing(same_step: Compare) -> None:
    same_step("gqa", gradient_checkpointing=True)


def test_the_chunked_head_gives_the_same_step(same_step: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.trainers.sft.MAX_FULL_LOGITS", 0)
    same_step("gqa")


def test_language_modelling_adds_the_mean_loss_of_shared_tokens(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any], step: Any
) -> None:
    examples = make_examples(3)
    trainer = sft_trainer(
        make_model("gqa"),
        examples,
        SFTConfig(**arguments, per_device_train_batch_size=3),
        TrainerInputs(word_tokenizer),
        SftObjective(lm_weight=0.5),
    )
    loss, _ = step(trainer)
    model = make_model("gqa")
    answers, shared = answer_losses(model, examples), shared_losses(model, examples)
    assert loss == pytest.approx(answers.mean().item() + 0.5 * shared.mean().item(), rel=1e-6)


def answer_losses(model: Any, examples: list[TrainingExample]) -> torch.Tensor:
    return torch.cat(
        [losses(model, [*e.shared, *c.prompt, *c.chosen])[-len(c.chosen) :] for e in examples for c in e.criteria]
    )


def shared_losses(model: Any, examples: list[TrainingExample]) -> torch.Tensor:
    return torch.cat([losses(model, list(e.shared)) for e in examples])


def losses(model: Any, ids: list[int]) -> torch.Tensor:
    """Nats of each token after the first."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")


def test_language_modelling_needs_packing(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="packing tree"):
        sft_trainer(
            make_model("mha"),
            make_examples(1),
            SFTConfig(**arguments),
            TrainerInputs(word_tokenizer, packing="none"),
            SftObjective(lm_weight=0.5),
        )


def test_the_warm_up_batch_leaves_no_trace(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any], step: Any
) -> None:
    steps = []
    for warmed_up in (True, False):
        settings = SFTConfig(**arguments, per_device_train_batch_size=2, gradient_accumulation_steps=2)
        model = make_model("mha")
        for layer in model.model.layers:
            layer.self_attn.attention_dropout = 0.3
        trainer = sft_trainer(model, make_examples(4), settings, TrainerInputs(word_tokenizer))
        if not warmed_up:
            trainer.pop_callback(type(trainer.callback_handler.callbacks[-1]))
        steps.append((*step(trainer), trainer.state.log_history[0]["num_tokens"], torch.get_rng_state()))
    (loss, gradient, tokens, random), (loss_without, gradient_without, tokens_without, random_without) = steps
    assert (loss, tokens) == (loss_without, tokens_without)
    assert torch.equal(gradient, gradient_without)
    assert torch.equal(random, random_without)


@pytest.mark.slow
def test_a_resumed_trainer_gives_the_same_weights(
    make_model: Any, make_examples: Any, word_tokenizer: Any, arguments: dict[str, Any]
) -> None:
    settings = arguments | {"max_steps": 8, "save_strategy": "steps", "save_steps": 3, "optim": "adamw_torch"}

    def trained(resume: str | None) -> list[torch.Tensor]:
        trainer = sft_trainer(
            make_model("mha"),
            make_examples(6),
            SFTConfig(**settings, per_device_train_batch_size=2, learning_rate=1e-3),
            TrainerInputs(word_tokenizer),
        )
        trainer.train(resume_from_checkpoint=resume)
        return [parameter.detach().clone() for parameter in trainer.model.parameters()]

    uninterrupted, resumed = trained(None), trained(f"{arguments['output_dir']}/checkpoint-3")
    assert all(torch.equal(a, b) for a, b in zip(uninterrupted, resumed, strict=True))
