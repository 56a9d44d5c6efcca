"""Compiles kernels on first use and keeps the machine code on disk.

The code goes where numba keeps it: ``__pycache__`` beside the source, the user's cache directory where that
cannot be written, or ``NUMBA_CACHE_DIR``. It is valid for one processor type and one state of the sources of
this package. Where no directory can be written every process compiles anew. What is compiled is logged
(``logging``, level INFO): a kernel takes a fraction of a second on a PC, a few seconds on a small board.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import types
from numba.core.caching import FunctionCache
from numba.core.ccallback import CFunc
from numba.core.errors import NumbaError

from edgernn.errors import EngineError
from edgernn.runtime.kernels.memory import RECORD

_log = logging.getLogger(__name__)
_lock = threading.RLock()

OPTIONS: dict[str, Any] = {"error_model": "numpy", "boundscheck": False, "fastmath": False}
"""``fastmath`` is named because a helper without it takes it over from the first kernel that calls it."""

SUMMING = {**OPTIONS, "fastmath": {"reassoc", "contract", "nsz"}}
"""Freedoms that let sums be vectorised. None of them lets the compiler ignore NaN or infinity."""

F = TypeVar("F", bound=Callable[..., Any])


@functools.cache
def _digest() -> str:
    """SHA-256 of the sources in this folder: kernels inline what other files define."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Cache(FunctionCache):  # type: ignore[misc]
    """Entries are valid for one signature, processor and state of the sources, whatever a closure holds."""

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        return signature, codegen.magic_tuple(), _digest()

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Machine code, or None where there is none, or power was lost while it was written."""
        try:
            return super().load_overload(signature, context)
        except Exception as error:
            _log.warning("kernel %s: its cache is damaged (%r)", self._py_func.__name__, error)
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep machine code, if there is room."""
        try:
            super().save_overload(signature, data)
        except OSError as error:
            _log.warning("kernel %s cannot be kept on disk: %s", self._py_func.__name__, error)


def inline(function: F) -> F:
    """Compile a helper of kernels into each of its callers."""
    compiled: F = numba.njit(forceinline=True, **OPTIONS)(function)
    return compiled


def inline_sum(function: F) -> F:
    """As ``inline``; sums of floats may be evaluated in any order."""
    compiled: F = numba.njit(forceinline=True, **SUMMING)(function)
    return compiled


class Kernel:
    """A compiled function of a record of operands. Its status is 0, or another number to stop the step."""

    def __init__(self, function: Callable[..., Any], signature: Any = None) -> None:
        self.name = function.__name__
        self._function = function
        self._signature = types.int32(RECORD) if signature is None else signature
        self._compiled: Any = None

    @property
    def address(self) -> int:
        """Address of the machine code. Compiles, or loads from disk, on first use. Raises EngineError."""
        with _lock:
            if self._compiled is None:
                self._compiled = self._compile()
        return int(self._compiled.address)

    def _compile(self) -> Any:
        if numba.config.DISABLE_JIT:
            raise EngineError("NUMBA_DISABLE_JIT is set, but the numba engine has no other code: unset it")
        types_of_call = self._signature.args, self._signature.return_type
        compiled: Any = CFunc(self._function, types_of_call, {}, OPTIONS)
        try:
            compiled._cache = _Cache(self._function)
        except RuntimeError:
            _log.warning("no cache directory can be written: set NUMBA_CACHE_DIR to one that can")
        try:
            compiled.compile()
        except NumbaError as error:
            raise EngineError(f"numba cannot compile kernel {self.name!r}: {error}") from error
        if not compiled.cache_hits:
            _log.info("compiled kernel %s, once for this machine", self.name)
        return compiled


def named(name: str, function: F) -> F:
    """Give a function made by a factory its own name, and so its own file in the cache."""
    function.__name__ = function.__qualname__ = name
    return function


def kernel(function: Callable[..., Any]) -> Kernel:
    """Decorator: a function of a record becomes a Kernel."""
    return Kernel(function)
