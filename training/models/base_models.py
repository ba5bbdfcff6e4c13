"""Base models: presets with licence and LoRA targets, folders, and hub ids."""

from pathlib import Path

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen

LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""All linear layers of a Llama, Mistral or Qwen2 block."""


class BaseModelSource(Frozen):
    """A base model. `source`: a folder or hub id. `licence`: None if unknown. `warning`: shown whenever the model is
    chosen."""

    name: str
    source: str
    licence: str | None = None
    lora_targets: tuple[str, ...] = LINEAR_LAYERS
    warning: str | None = None


_LLAMA_2 = "Llama 2 Community License"
_NON_PRODUCTION = (
    "Codestral is under the Mistral AI Non-Production License: research and testing only; grading a real course needs "
    "an agreement with Mistral AI. qwen2.5-coder-7b is under Apache-2.0 and free to use."
)

PRESETS: dict[str, BaseModelSource] = {
    preset.name: preset
    for preset in (
        BaseModelSource(name="codellama-7b", source="codellama/CodeLlama-7b-Instruct-hf", licence=_LLAMA_2),
        BaseModelSource(name="codellama-13b", source="codellama/CodeLlama-13b-Instruct-hf", licence=_LLAMA_2),
        BaseModelSource(
            name="codestral-22b",
            source="mistralai/Codestral-22B-v0.1",
            licence="Mistral AI Non-Production License (MNPL-0.1)",
            warning=_NON_PRODUCTION,
        ),
        BaseModelSource(name="qwen2.5-coder-7b", source="Qwen/Qwen2.5-Coder-7B-Instruct", licence="Apache-2.0"),
        BaseModelSource(name="qwen2.5-coder-0.5b", source="Qwen/Qwen2.5-Coder-0.5B-Instruct", licence="Apache-2.0"),
    )
}


def preset_table() -> str:
    """One line per preset for help texts: name, licence, warning."""
    lines = (f"{p.name}: {p.source}, {p.licence}." + (f" {p.warning}" if p.warning else "") for p in PRESETS.values())
    return "\n\n".join(lines)


def find_base(model: str) -> BaseModelSource:
    """The base that `model` names: a preset by its name or hub id, a folder, or another hub id.

    Raises ModelError if it looks like a folder that does not exist, or has no model.
    """
    if preset := PRESETS.get(model) or next((p for p in PRESETS.values() if p.source == model), None):
        return preset
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"{folder}: not a model folder (no config.json). Expected what save_pretrained writes.")
        return BaseModelSource(name=folder.resolve().name, source=str(folder))
    if model.count("/") != 1 or model.startswith((".", "/", "~")) or Path(model).parent.is_dir():
        raise ModelError(
            f"{model}: no such folder. Train the tiny base with `grader init-model --dataset DATA --out {model}`, "
            "or give a preset, a folder or a hub id."
        )
    return BaseModelSource(name=model.split("/")[1], source=model)
