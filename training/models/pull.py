"""Fetches base models: presets of the package index, models of a hub, and GGUF files of the user's own."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from huggingface_hub import snapshot_download
from rich.console import Console

from labs_schema.errors import ModelError
from labs_schema.hashes import file_hash
from prompts.base_models import PRESETS, WeightsPackage, find_base, find_preset, is_gguf
from prompts.model_cache import RECORD, CachedModel, gguf_name, model_folder, new_model
from prompts.tokenizer import check_available
from training.models.gguf import DTYPE, convert_gguf

STDERR = 2
"""The file descriptor: pip prints its progress there, so that our output can be piped."""
HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")


def pull(model: str, file: Path | None = None) -> Path:
    """Fetches `model` unless it is on this machine, and returns its folder.

    `model`: a preset, a hub id or the path of a GGUF file. `file`: the wheel or GGUF file of a preset of the package
    index, for a machine without an index. Raises ModelError.
    """
    preset = find_preset(model)
    if preset and preset.package:
        return _pull_package(preset.name, preset.package, preset.licence, file)
    if file:
        names = ", ".join(preset.name for preset in PRESETS.values() if preset.package)
        raise ModelError(
            f"{model}: --file is for presets of the package index ({names}). Remove it.", code="unknown-model-file"
        )
    if is_gguf(model):
        return _pull_gguf(Path(model).expanduser())
    base = find_base(model)
    return Path(base.source) if Path(base.source).is_dir() else _pull_from_hub(base.source)


def _pull_package(name: str, package: WeightsPackage, licence: str | None, file: Path | None) -> Path:
    with new_model(name) as folder:
        if folder:
            with tempfile.TemporaryDirectory(dir=folder) as temporary:
                gguf = _package_gguf(package, file, Path(temporary))
                _check_hash(gguf, package.gguf_sha256)
                _convert(gguf, folder, name, licence, package)
    return model_folder(name)


def _pull_gguf(path: Path) -> Path:
    name = gguf_name(path)
    with new_model(name) as folder:
        if folder:
            _convert(path, folder, name, None, None)
    return model_folder(name)


def _package_gguf(package: WeightsPackage, file: Path | None, temporary: Path) -> Path:
    """The GGUF file: `file` itself, or from the wheel `file`, or from the wheel of the package index."""
    if file and not file.is_file():
        raise ModelError(
            f"{file}: no such file. Expected the wheel of {package.requirement}, or the GGUF file in it.",
            code="unknown-model-file",
        )
    if file and file.suffix == ".gguf":
        return file
    wheel = file or _download_wheel(package, temporary)
    _check_hash(wheel, package.wheel_sha256)
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(package.member, temporary))


def _download_wheel(package: WeightsPackage, temporary: Path) -> Path:
    """The wheel, fetched by pip, so that the user's index, proxy and certificates apply."""
    requirements = temporary / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.wheel_sha256}\n", encoding="ascii")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--retries=1", "--dest", str(temporary), "-r", str(requirements)]
    _announce(f"fetching {package.requirement} from the package index")
    done = subprocess.run(command, stdout=STDERR, stderr=subprocess.PIPE, text=True)
    wheels = list(temporary.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR") or "No module named pip" in line]
        reason = (lines or done.stderr.splitlines() or ["pip failed"])[-1].removeprefix("ERROR: ")
        raise ModelError(
            f"{package.requirement} cannot be fetched from the package index: {reason}. Without an index, copy the "
            "wheel or its GGUF file to this machine and give it: grader model pull NAME --file PATH",
            code="model-not-fetched",
        )
    return wheels[0]


def _check_hash(path: Path, sha256: str) -> None:
    if (found := file_hash(path)) != sha256:
        raise ModelError(
            f"{path}: not the file of this preset. Found SHA-256 {found[:16]}..., expected {sha256[:16]}... Fetch it "
            "again, or use the file as a model of its own: grader model pull FILE.gguf",
            code="unknown-model-file",
        )


def _convert(gguf: Path, folder: Path, name: str, licence: str | None, package: WeightsPackage | None) -> None:
    _announce(f"converting {gguf.name} to safetensors")
    converted = convert_gguf(gguf, folder)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    record = CachedModel(
        name=name,
        source=package.requirement if package else gguf.name,
        wheel_sha256=package.wheel_sha256 if package else None,
        gguf_sha256=file_hash(gguf),
        licence=licence or converted.licence,
        context_length=converted.context_length,
        parameters=converted.parameters,
        dtype=str(DTYPE).removeprefix("torch."),
        tool_versions=converted.tool_versions,
        files={path.name: file_hash(path) for path in files},
        size_bytes=sum(path.stat().st_size for path in files),
    )
    (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _pull_from_hub(source: str) -> Path:
    check_available(source)
    try:
        return Path(snapshot_download(source, allow_patterns=list(HUB_FILES)))
    except (OSError, ValueError) as error:  # HfHubHTTPError is an OSError
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f"{source}: cannot be fetched from the model hub: {reason}", code="model-not-fetched"
        ) from error


def _announce(step: str) -> None:
    Console(stderr=True).print(f"[dim]{step}[/]", highlight=False, soft_wrap=True)
