"""What vLLM needs to be told about the machine before it is imported. The only place that tells CPUs from GPUs."""

import gc
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labs_schema.errors import ModelError

KV_CACHE_GIB = "2"


def platform_settings(*, compiled: bool = False) -> dict[str, Any]:
    """Arguments for `vllm.LLM` on this machine. Sets the environment that vLLM reads at import; what the user has set
    there stays.

    On CPUs the engine lives in this process (one of its own would keep a core busy and start three times as slowly)
    and in blocks of 32 tokens (a fifth faster than 128 on prefix hits), 2,048 tokens at a time (they fit the caches: a
    fourteenth faster than 4,096). Nothing is compiled unless `compiled`: that needs a C++ compiler and ten seconds. On
    a GPU vLLM's own defaults are best, and they compile.

    Raises ModelError where there is no compiler.
    """
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    if has_gpu():
        return {}
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", KV_CACHE_GIB)
    from vllm.platforms import current_platform

    sizes = {"block_size": 32, "max_num_batched_tokens": 2048}
    if compiled:
        check_compiler(os.environ.get("CXX", "g++"))
        return sizes
    current_platform.simple_compile_backend = "eager"
    return {"enforce_eager": True, **sizes}


def check_compiler(name: str) -> None:
    """Raises ModelError where there is no C++ compiler of this name."""
    if not shutil.which(name):
        raise ModelError(
            f"vllm-compiled needs a C++ compiler, and {name} was not found. Install one (Debian: g++) or name it in "
            "CXX; or take --engine vllm, which needs none."
        )


def has_gpu() -> bool:
    """Whether torch sees an NVIDIA GPU. Where torch is not imported yet, its C++ side is told to be quiet, and its
    threads to sleep while they wait: spinning, they would take the cores from each other on a machine that does more.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    return bool(torch.cuda.is_available())


@contextmanager
def shutting_down(*, others: bool) -> Iterator[None]:
    """While an engine is shut down, and let go of. vLLM then takes down what all engines of the process work with: not
    if there are `others`. It also looks through all objects of Python up to four times, half a second each: here that
    is done once, afterwards. What then is left stays, and Python need not look through it again as the process ends:
    that took longer than all of this."""
    from vllm.v1.engine import core

    take_down, collect = core.cleanup_dist_env_and_memory, gc.collect
    core.cleanup_dist_env_and_memory = lambda: None
    gc.collect = lambda *_, **__: 0
    try:
        yield
    finally:
        core.cleanup_dist_env_and_memory, gc.collect = take_down, collect
    if others:
        gc.collect()
    else:
        take_down()
    gc.freeze()


@contextmanager
def quiet() -> Iterator[None]:
    """Hides what the libraries tell their own developers while a model loads: deprecations, no Triton on a CPU."""
    logger = logging.getLogger("torch._library.triton")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
