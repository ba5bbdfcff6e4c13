"""Muon and AdamW as one optimizer: every weight once, one schedule, one state."""

import copy

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.trainers.optimizers import MuonWithAdamW


def small() -> LlamaForCausalLM:
    torch.manual_seed(0)
    size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(**size, vocab_size=11, tie_word_embeddings=True))


def optimizer_of(model: LlamaForCausalLM) -> MuonWithAdamW:
    return MuonWithAdamW(model, lr=0.02, adamw_lr=0.01, weight_decay=0.1)


def step(model: LlamaForCausalLM, optimizer: MuonWithAdamW) -> None:
    ids = torch.arange(10)[None]
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def test_muon_has_matrices_and_adamw_all_other_weights() -> None:
    model = small()
    optimizer = optimizer_of(model)
    muon = {id(p) for group in optimizer.muon.param_groups for p in group["params"]}
    adamw = {id(p) for group in optimizer.adamw.param_groups for p in group["params"]}
    assert id(model.model.layers[0].mlp.up_proj.weight) in muon
    assert id(model.model.embed_tokens.weight) in adamw and id(model.model.norm.weight) in adamw
    assert not muon & adamw and muon | adamw == {id(p) for p in model.parameters()}


def test_a_scheduler_changes_the_rates_of_both() -> None:
    optimizer = optimizer_of(small())
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 0.5)
    assert optimizer.muon.param_groups[0]["lr"] == 0.01
    assert optimizer.adamw.param_groups[0]["lr"] == 0.005


def test_a_restored_state_gives_the_same_next_step() -> None:
    model = small()
    optimizer = optimizer_of(model)
    step(model, optimizer)
    other = copy.deepcopy(model)
    restored = optimizer_of(other)
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for group in (*optimizer.param_groups, *restored.param_groups):
        group["lr"] = 0.03
    step(model, optimizer)
    step(other, restored)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    assert not torch.equal(model.model.embed_tokens.weight, small().model.embed_tokens.weight)
