"""The C library's memory allocator, set up for training on a CPU."""

import ctypes
import sys

import torch

MAPPED_BYTES = 256 * 1024
"""Tensors of this size or more are mapped; smaller ones come from the heap."""
_M_MMAP_THRESHOLD = -3  # malloc.h of glibc


def map_tensors() -> None:
    """Makes glibc map every larger tensor separately and return its memory as soon as it is freed.

    glibc raises its own limit for this to 32 MiB as tensors are freed: mallopt(3). Activations of different ages then
    fragment the heap, and a step took 3.7 GB instead of 2.6 GB. Does nothing with a GPU or another C library.
    """
    if sys.platform == "linux" and not torch.cuda.is_available():
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES)
