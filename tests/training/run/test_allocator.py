"""Memory of freed tensors is returned while training."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, torch
from training.run.allocator import map_tensors

class Usage(ctypes.Structure):  # struct mallinfo2 of glibc 2.33; the fifth field is the bytes in mapped blocks
    _fields_ = tuple((f"field{i}", ctypes.c_size_t) for i in range(1, 11))

read = ctypes.CDLL(None).mallinfo2
read.restype = Usage
large = torch.empty(16 << 20, dtype=torch.uint8)
del large  # raises glibc's limit to 16 MiB
map_tensors()
before = read().field5
tensors = [torch.empty(1 << 20, dtype=torch.uint8) for _ in range(20)]
print(read().field5 - before)
"""
"""In a process of its own: free blocks of the heap, which other tests leave, are used first."""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="glibc 2.33 or newer")
def test_tensors_are_mapped_although_larger_ones_were_freed_before() -> None:
    mapped = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=120)
    assert int(mapped.stdout) >= 20 << 20
