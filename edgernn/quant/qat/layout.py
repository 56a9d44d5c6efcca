"""Between the arguments and results of a module, with a batch axis, and blocks [T, B, *frame]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from edgernn.capture import ArgumentInfo, Captured, evaluating
from edgernn.errors import UsageError
from edgernn.ir.graph import Graph

EXAMPLE_FRAMES = 7
"""Length of the sequence from which the layout of the results is learnt."""


@dataclass(frozen=True)
class Result:
    """Of one tensor that the module returns: its axes of time and batch (None where it has none), the other sizes.

    Where it has no axis for the batch, several sequences get one in front.
    """

    port: str
    time: int | None
    batch: int | None
    sizes: tuple[int, ...]

    def tensor(self, block: Tensor, lengths: Tensor) -> Tensor:
        """``block`` [T, B, *frame] as the module gives it; for a value of the end, that after each sequence."""
        steps, batch = block.shape[:2]
        if self.time is None:
            ends = block[lengths - 1, torch.arange(batch)].reshape(batch, *self.sizes)
            return ends[0] if self.batch is None and batch == 1 else ends.movedim(0, self.batch or 0)
        frames = block.reshape(steps, batch, *self.sizes)
        if self.batch is not None:
            return frames.movedim((0, 1), (self.time, self.batch))
        return frames[:, 0].movedim(0, self.time) if batch == 1 else frames.movedim((0, 1), (self.time + 1, 0))


class Layout:
    """How a module, captured with a batch of one, takes and gives a batch of many."""

    def __init__(self, module: torch.nn.Module, captured: Captured, program: Graph) -> None:
        if captured.call.step:
            raise UsageError("a step module cannot be prepared for training: prepare one that takes whole sequences")
        for info in captured.arguments:
            if info.role in ("static", "state"):
                what = "an initial state" if info.role == "state" else "an input without time"
                raise UsageError(f"a module that takes {what} cannot be prepared for training: make it a constant")
        self.captured = captured
        self.ports = {p.name: p for p in program.inputs}
        self.results, self.tree = self._learnt(module)

    def _learnt(self, module: torch.nn.Module) -> tuple[list[Result], Any]:
        with evaluating(module):
            leaves, tree = pytree.tree_flatten(module(*self.captured.call.tensors(EXAMPLE_FRAMES)))
        results = []
        for info in self.captured.outputs:
            shape = list(leaves[info.index].shape)
            axes = [k for k, n in enumerate(shape) if n == 1 and k != info.time]
            batch = axes[0] if axes else None
            sizes = tuple(n for k, n in enumerate(shape) if k not in (info.time, batch))
            results.append(Result(info.port, info.time, batch, sizes))
        if len(results) != len(leaves):
            raise UsageError("a module that returns something else than tensors of its input cannot be prepared")
        return results, tree

    def blocks(self, arguments: Sequence[Any]) -> tuple[dict[str, Tensor], Tensor]:
        """(port -> [T, B, *frame], lengths [B]). Raises UsageError for arguments that do not fit."""
        leaves = pytree.tree_leaves(list(arguments))
        infos = self.captured.arguments
        if len(leaves) != len(infos):
            raise UsageError(f"{len(leaves)} tensors were given, the module takes {len(infos)}")
        blocks = {i.port: self._block(i, leaf) for i, leaf in zip(infos, leaves, strict=True) if i.role == "frame"}
        sizes = {tuple(b.shape[:2]) for b in blocks.values()}
        if len(sizes) != 1:
            raise UsageError(f"the inputs have different numbers of frames and sequences: {sorted(sizes)}")
        steps, batch = sizes.pop()
        given = [leaf for i, leaf in zip(infos, leaves, strict=True) if i.role == "length"]
        lengths = given[0].reshape(-1).expand(batch).long() if given else torch.full((batch,), steps)
        if bool((lengths < 1).any() | (lengths > steps).any()):
            raise UsageError(f"lengths must be in 1..{steps}, found {lengths.tolist()}")
        return blocks, lengths

    def _block(self, info: ArgumentInfo, tensor: Tensor) -> Tensor:
        port, spec = self.ports[info.port], info.spec
        batch = next((k for k, n in enumerate(spec.shape) if n == 1 and k != spec.time), None)
        found = [n for k, n in enumerate(tensor.shape) if k not in (spec.time, batch)]
        others = [n for k, n in enumerate(spec.shape) if k not in (spec.time, batch)]
        if tensor.ndim != len(spec.shape) or found != others or spec.time is None:
            sizes = ["B" if k == batch else "T" if n is None else n for k, n in enumerate(spec.shape)]
            raise UsageError(f"input {info.port!r}: shape {sizes} expected, found {list(tensor.shape)}")
        block = tensor.movedim(spec.time, 0)[:, None] if batch is None else tensor.movedim((spec.time, batch), (0, 1))
        return block.reshape(*block.shape[:2], *port.shape)

    def results_of(self, blocks: dict[str, Tensor], lengths: Tensor) -> Any:
        """What the module returns for the values of the output ports."""
        leaves = [result.tensor(blocks[result.port], lengths) for result in self.results]
        return pytree.tree_unflatten(leaves, self.tree)
