"""The pretrained models that runs name by a short word: hub id, licence, LoRA targets."""

from labs_schema.frozen import Frozen

LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Every linear layer of a Llama, Mistral or Qwen2 block. All of them exist there, unlike a GPT-2's names."""


class Preset(Frozen):
    """A base model. `warning` is shown wherever the model is chosen."""

    name: str
    hub_id: str
    licence: str
    lora_targets: tuple[str, ...] = LINEAR_LAYERS
    warning: str | None = None


_LLAMA_2 = "Llama 2 Community License"
_NON_PRODUCTION = (
    "Codestral is under the Mistral AI Non-Production License: research and testing only; grading a real course needs "
    "an agreement with Mistral AI. qwen2.5-coder-7b is under Apache-2.0 and free to use."
)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="codellama-7b",
            hub_id="codellama/CodeLlama-7b-Instruct-hf",
            licence=_LLAMA_2,
        ),
        Preset(
            name="codellama-13b",
            hub_id="codellama/CodeLlama-13b-Instruct-hf",
            licence=_LLAMA_2,
        ),
        Preset(
            name="codestral-22b",
            hub_id="mistralai/Codestral-22B-v0.1",
            licence="Mistral AI Non-Production License (MNPL-0.1)",
            warning=_NON_PRODUCTION,
        ),
        Preset(
            name="qwen2.5-coder-7b",
            hub_id="Qwen/Qwen2.5-Coder-7B-Instruct",
            licence="Apache-2.0",
        ),
        Preset(
            name="qwen2.5-coder-0.5b",
            hub_id="Qwen/Qwen2.5-Coder-0.5B-Instruct",
            licence="Apache-2.0",
        ),
    )
}


def preset_table() -> str:
    """One line a preset, for help texts: name, licence, warning."""
    lines = (f"{p.name}: {p.hub_id}, {p.licence}." + (f" {p.warning}" if p.warning else "") for p in PRESETS.values())
    return "\n\n".join(lines)


def preset_of(model: str) -> Preset | None:
    """The preset that `model` names by its short name or its hub id."""
    return PRESETS.get(model) or next((p for p in PRESETS.values() if p.hub_id == model), None)
