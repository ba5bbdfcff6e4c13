"""Memory of freed tensors is returned while training."""

import ctypes

import pytest
import torch

from training.run.allocator import map_tensors

MIB = 1 << 20


class Usage(ctypes.Structure):
    """`struct mallinfo2` of glibc 2.33. The fifth field is `hblkhd`: the bytes in mapped blocks."""

    _fields_ = tuple((f"field{i}", ctypes.c_size_t) for i in range(1, 11))


def mapped_bytes() -> int:
    read = ctypes.CDLL(None).mallinfo2
    read.restype = Usage
    return int(read().field5)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="glibc 2.33 or newer")
def test_tensors_are_mapped_although_larger_ones_were_freed_before() -> None:
    large = torch.empty(16 * MIB, dtype=torch.uint8)
    del large  # raises glibc's limit to 16 MiB
    map_tensors()
    before = mapped_bytes()
    tensor = torch.empty(MIB, dtype=torch.uint8)
    assert mapped_bytes() - before >= tensor.nbytes
