"""vLLM settings for this machine, which differ between CPUs and GPUs, and its shutdown."""

import gc
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labs_schema.errors import ModelError
from labs_schema.limits import EngineLimits


def platform_settings(*, compiled: bool = False) -> dict[str, Any]:
    """Arguments for `vllm.LLM` on this machine. Sets environment variables that vLLM reads at import, unless set.

    On CPUs nothing is compiled unless `compiled`, which needs a C++ compiler and about ten seconds. On a GPU vLLM's
    own defaults are best, and they compile. Raises ModelError if the compiler is missing.
    """
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    if has_gpu():
        return {}
    # A separate engine process would keep one core busy and take three times as long to start.
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(EngineLimits().kv_cache_gib))
    from vllm.platforms import current_platform

    # Measured: blocks of 32 are a fifth faster than 128 on prefix hits, and 2,048 tokens per step fit the caches
    # (7 % faster than 4,096).
    sizes = {"block_size": 32, "max_num_batched_tokens": 2048}
    if compiled:
        check_compiler(os.environ.get("CXX", "g++"))
        return sizes
    current_platform.simple_compile_backend = "eager"
    return {"enforce_eager": True, **sizes}


def check_compiler(name: str) -> None:
    """Raises ModelError if there is no C++ compiler of this name."""
    if not shutil.which(name):
        raise ModelError(
            f"vllm-compiled needs a C++ compiler; {name} was not found. Install one (Debian: g++), set CXX, or use "
            "--engine vllm, which needs none.",
            code="missing-compiler",
        )


def has_gpu() -> bool:
    """Whether torch sees an NVIDIA GPU."""
    # Effective only before torch is imported. Threads that sleep instead of spin leave the cores to other processes.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    return bool(torch.cuda.is_available())


@contextmanager
def quick_shutdown(*, others_open: bool) -> Iterator[None]:
    """While an engine shuts down: keeps the distributed state of other open engines, and collects garbage only once.

    Patches `vllm.v1.engine.core` (checked with vLLM 0.32).
    """
    from vllm.v1.engine import core

    # vLLM tears down state that all engines of the process share, and runs the garbage collector up to four times,
    # half a second each.
    tear_down, collect = core.cleanup_dist_env_and_memory, gc.collect
    core.cleanup_dist_env_and_memory = lambda: None
    gc.collect = lambda *_, **__: 0
    try:
        yield
    finally:
        core.cleanup_dist_env_and_memory, gc.collect = tear_down, collect
    if others_open:
        gc.collect()
    else:
        tear_down()
    gc.freeze()  # or Python scans all remaining objects again at exit, which takes longer than the shutdown


@contextmanager
def hide_load_warnings() -> Iterator[None]:
    """Hides warnings of the libraries to their own developers while a model loads (deprecations, no Triton)."""
    logger = logging.getLogger("torch._library.triton")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
