"""How long it takes only to read the weights of an integer model: no step of it can be faster on this machine."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import Model, weights
from edgernn.export.c.build import compile_shared, find_compiler, flags
from edgernn.export.c.targets import host_target

ALIGN_BYTES = 64

SOURCE = """
#include <stddef.h>
#include <stdint.h>

typedef int32_t wide __attribute__((vector_size(32)));

/* bytes is a multiple of 256 */
__attribute__((visibility("default"))) int32_t read_all(const wide *p, size_t bytes);
int32_t read_all(const wide *p, size_t bytes)
{
    wide a = {0}, b = a, c = a, d = a;
    for (const wide *const end = p + bytes / sizeof *p; p < end; p += 8)
        a ^= p[0] + p[4], b ^= p[1] + p[5], c ^= p[2] + p[6], d ^= p[3] + p[7];
    a ^= b ^ c ^ d;
    return a[0] ^ a[1] ^ a[2] ^ a[3] ^ a[4] ^ a[5] ^ a[6] ^ a[7];
}
"""


def weight_bytes(model: Model) -> int:
    """Bytes of its matrices in int8."""
    given = weights(model)
    return sum(w.size for layer in given.layers for w in layer[:2]) + given.head[0].size


def reading_step(model: Model, folder: Path) -> Callable[[Any], Any]:
    """A call of compiled code that reads as many bytes as ``model`` has weights, whatever it is given.

    Raises MissingExtraError without a C compiler, OutputError where it fails.
    """
    source, library = folder / "reading.c", folder / "reading.so"
    source.write_text(SOURCE)
    compiler = find_compiler(None, cross=False)
    compile_shared(compiler, flags(compiler, host_target(), "-O2", host=True), source, library)
    function = ctypes.PyDLL(str(library)).read_all
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    nbytes = -(-weight_bytes(model) // 256) * 256
    memory = np.ones(nbytes + ALIGN_BYTES, np.int8)
    address = memory.ctypes.data + -memory.ctypes.data % ALIGN_BYTES

    def step(frame: Any, memory: Any = memory) -> Any:
        return function(address, nbytes)

    return step
