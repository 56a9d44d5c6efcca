"""Changes to torch that hold while a module is traced.

Recurrent layers give tensors of the right shapes without running; every line of the user's is kept in stack
traces; ``Tensor.data`` and ``Tensor.new`` can be traced.
"""

from __future__ import annotations

import io
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from typing import Any

import torch
from torch.fx.proxy import TracerBase

from edgernn.capture.source import user_frames

Kernel = Callable[..., tuple[torch.Tensor, ...]]


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """``owner.name`` is ``value`` within the context."""
    own = name in vars(owner)
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)


def _lstm(x: torch.Tensor, hx: list[torch.Tensor], *rest: Any) -> tuple[torch.Tensor, ...]:
    h, c = hx
    return _sequence(x, h, bidirectional=rest[5]), torch.empty_like(h), torch.empty_like(c)


def _one_state(x: torch.Tensor, h: torch.Tensor, *rest: Any) -> tuple[torch.Tensor, ...]:
    return _sequence(x, h, bidirectional=rest[5]), torch.empty_like(h)


def _sequence(x: torch.Tensor, h: torch.Tensor, *, bidirectional: bool) -> torch.Tensor:
    return x.new_empty((*x.shape[:2], h.shape[-1] * (2 if bidirectional else 1)))


_KERNELS: dict[str, Kernel] = {"lstm": _lstm, "gru": _one_state, "rnn_tanh": _one_state, "rnn_relu": _one_state}
"""aten operator -> results of the right shapes. PyTorch's own kernels for tracing run every frame of the sequence."""


KEPT = ("hardshrink", "softshrink")
"""aten operators that PyTorch otherwise decomposes whenever it traces a graph again."""


@contextmanager
def _kernels(operator: Any, kernels: dict[Any, Any]) -> Iterator[None]:
    """The Python kernels of ``operator`` are ``kernels`` within the context."""
    before = dict(operator.py_kernels)
    try:
        for table in (operator.py_kernels, operator._dispatch_cache):
            table.clear()
        operator.py_kernels.update(kernels)
        yield
    finally:
        for table in (operator.py_kernels, operator._dispatch_cache):
            table.clear()
        operator.py_kernels.update(before)


def _new(self: torch.Tensor, *sizes: Any, **options: Any) -> torch.Tensor:
    """``Tensor.new`` of older code, ``weight.new(2, 1, 64).zero_()``, which is lost in tracing."""
    made: torch.Tensor
    if sizes and all(isinstance(n, int) for n in sizes):
        made = self.new_empty(sizes, **options)
    elif len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        made = self.new_tensor(sizes[0], **options)
    else:
        made = torch._C.TensorBase.new(self, *sizes, **options)
    return made


_descriptor: Any = torch._C.TensorBase.data
_data = property(torch.Tensor.detach, _descriptor.__set__)
"""``Tensor.data``, of which tracing loses what it gives."""


def _frames_of_user(self: TracerBase, summary: traceback.StackSummary) -> traceback.StackSummary:
    return user_frames(summary)


@contextmanager
def quiet() -> Iterator[None]:
    """Without warnings, and without what torch.export logs and prints where it fails."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


@contextmanager
def tracing() -> Iterator[None]:
    """All changes. Traced nodes keep every line of the user's, also in functions not named forward."""
    with ExitStack() as stack:
        for name, kernel in _KERNELS.items():
            operator = getattr(torch.ops.aten, name).input
            stack.enter_context(_kernels(operator, dict.fromkeys(operator.py_kernels, kernel)))
        for name in KEPT:
            stack.enter_context(_kernels(getattr(torch.ops.aten, name).default, {}))
        stack.enter_context(replaced(torch.Tensor, "new", _new))
        stack.enter_context(replaced(torch.Tensor, "data", _data))
        stack.enter_context(replaced(TracerBase, "_filter_traceback_frames", _frames_of_user))
        yield
