"""Every environment variable of the product. The reference page is generated from here."""

import os
from pathlib import Path
from typing import NamedTuple

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def data_folder() -> Path:
    """The user's data folder of this product: ~/.local/share/grader, or below XDG_DATA_HOME."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data).absolute() / "grader"


class Settings(BaseSettings):
    """Read from GRADER_* environment variables each time it is created."""

    model_config = SettingsConfigDict(env_prefix="GRADER_", frozen=True)

    store: str = Field(
        default_factory=lambda: str(data_folder() / "grader.db"),
        description="The database of grades, jobs and keys: the path of a SQLite file, sqlite:////absolute/path.db or "
        "postgresql://user:password@host/name. Default: ~/.local/share/grader/grader.db",
    )
    secret: Path = Field(
        default_factory=lambda: data_folder() / "pseudonyms.key",
        description="The file with the key of students' pseudonyms in datasets, created when it is first needed. "
        "Default: ~/.local/share/grader/pseudonyms.key",
    )


class StandardVariable(NamedTuple):
    read_by: str
    effect: str


STANDARD_VARIABLES = {
    "XDG_DATA_HOME": StandardVariable("grader", "Parent of the data folder; ~/.local/share if unset."),
    "OTEL_EXPORTER_OTLP_ENDPOINT": StandardVariable("grader, opentelemetry", "Enables traces and receives them."),
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": StandardVariable(
        "grader, opentelemetry", "Like OTEL_EXPORTER_OTLP_ENDPOINT, for traces only."
    ),
    "OTEL_SERVICE_NAME": StandardVariable("grader, opentelemetry", "Name of the service in traces; grader if unset."),
    "HF_HUB_ETAG_TIMEOUT": StandardVariable("grader, huggingface_hub", "Seconds to wait for the model hub."),
    "CXX": StandardVariable("grader, torch", "The C++ compiler of the engine vllm-compiled; g++ if unset."),
    "RANK": StandardVariable("grader, torch", "Set by accelerate launch: number of this process."),
    "LOCAL_RANK": StandardVariable("grader, torch", "Set by accelerate launch: number of this process's GPU."),
    "WORLD_SIZE": StandardVariable("grader, torch", "Set by accelerate launch: number of processes."),
    "OMP_WAIT_POLICY": StandardVariable("OpenMP", "Set to passive if unset: spinning threads slow a busy CPU down."),
    "TORCH_CPP_LOG_LEVEL": StandardVariable("torch", "Set to ERROR if unset."),
    "TOKENIZERS_PARALLELISM": StandardVariable("tokenizers", "Set to false if unset, for training."),
    "TRL_EXPERIMENTAL_SILENCE": StandardVariable("trl", "Set to 1 if unset."),
    "RAY_USAGE_STATS_ENABLED": StandardVariable("ray", "Set to 0 if unset: Ray sends no usage statistics."),
    "RAY_DATA_LOG_LEVEL": StandardVariable("ray", "Set to CRITICAL if unset."),
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": StandardVariable("ray", "Set to 0 if unset."),
    "VLLM_LOGGING_LEVEL": StandardVariable("vllm", "Set to ERROR if unset."),
    "VLLM_NO_USAGE_STATS": StandardVariable("vllm", "Set to 1 if unset: vLLM sends no usage statistics."),
    "VLLM_ENABLE_V1_MULTIPROCESSING": StandardVariable("vllm", "Set to 0 if unset, on CPUs."),
    "VLLM_CPU_KVCACHE_SPACE": StandardVariable("vllm", "GiB for the prefix cache on CPUs; has a default if unset."),
}
"""Variables of other programs that the product reads itself or sets if they are unset."""
