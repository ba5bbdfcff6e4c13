"""Which base model a preset's name, a folder or a hub id stands for. Loads nothing."""

from pathlib import Path

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from training.models.presets import LINEAR_LAYERS, preset_of


class Base(Frozen):
    """What a run starts from: `source` is a folder or hub id, `licence` None where nobody has said."""

    name: str
    source: str
    licence: str | None = None
    warning: str | None = None
    lora_targets: tuple[str, ...] = LINEAR_LAYERS


def find_base(model: str) -> Base:
    """The base that `model` names. Raises ModelError where it looks like a folder and is none."""
    if preset := preset_of(model):
        return Base(
            name=preset.name,
            source=preset.hub_id,
            licence=preset.licence,
            warning=preset.warning,
            lora_targets=preset.lora_targets,
        )
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"{folder}: no config.json in it, so this is no model. Expected what save_pretrained writes."
            )
        return Base(name=folder.resolve().name, source=str(folder))
    if model.count("/") != 1 or model.startswith((".", "/", "~")) or Path(model).parent.is_dir():
        raise ModelError(
            f"{model}: no such folder. Make the tiny base with `grader init-model --dataset DATA --out {model}`, "
            "or name a preset, a folder or a hub id."
        )
    return Base(name=model.split("/")[1], source=model)
