"""LoRA layers save smaller tensors for the backward pass, with the same gradients."""

from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from training.trainers.dropout import BoolMaskDropout, save_smaller_lora_inputs


def test_gradients_are_the_same_without_the_conversion_to_float32(make_model: Any) -> None:
    torch.manual_seed(0)
    targets = ["q_proj", "v_proj", "down_proj"]
    plain = LoraConfig(r=4, target_modules=targets, init_lora_weights=False, task_type="CAUSAL_LM")
    model = get_peft_model(make_model("gqa").to(torch.bfloat16), plain)
    ids, gradients = torch.randint(0, 70, (1, 12)), []
    for smaller in (False, True):
        if smaller:
            save_smaller_lora_inputs(model, autocast=True)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
        model.zero_grad()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)


def test_the_mask_of_dropout_has_one_byte_per_element_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    values, saved, drop = torch.ones(200, 300, requires_grad=True), [], BoolMaskDropout(0.25)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: (saved.append(x), x)[1], lambda x: x):
        dropped = drop(values)
    assert [mask.element_size() for mask in saved] == [1]
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    assert abs(dropped.mean().item() - 1) < 0.01
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped)
    assert torch.equal(drop.eval()(values), values)
