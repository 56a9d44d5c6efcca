"""Encoder and decoder as one module: what is trained, and what writes in PyTorch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from edgernn.errors import UsageError
from edgernn.ir.op import Array
from edgernn.runtime.decode.beam import beam_search

State = Any
"""A tensor, or tensors in tuples."""


class Seq2Seq(nn.Module):
    """An encoder that reads a source, and a decoder that writes a target, symbol after symbol.

    encoder  ``forward(source) -> (memory, state)``: memory [B, T, M] has a frame for each one of the source, state is
             what the decoder begins with: a tensor [B, H] or a tuple of them. It may take ``lengths`` [B] too, those
             of padded sources. Where the decoder takes no memory, it may return the state alone
    decoder  ``forward(token, state, memory, mask=None) -> (logits, state)``: token [B] (int64) is the symbol before,
             mask [B, T] is true where memory is valid, logits [B, V] are scores of the symbols that may follow.
             ``memory`` and ``mask`` may be left out
    start    the symbol that the decoder reads first
    end      the symbol after which nothing follows
    max_output  the most symbols that are written, the end not among them

    Raises UsageError where the modules cannot be called so, or the numbers are out of range.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, start: int, end: int, max_output: int = 64
    ) -> None:
        super().__init__()
        if start < 0 or end < 0 or max_output < 1:
            raise UsageError(
                f"start and end are symbols, max_output is at least 1; found {start}, {end}, {max_output}"
            )
        self.encoder, self.decoder = encoder, decoder
        self.start, self.end, self.max_output = start, end, max_output
        self.lengths_parameter = _parameters(encoder).get("lengths")
        taken = _parameters(decoder)
        if len(taken) < 2 or not set(list(taken)[2:]) <= {"memory", "mask"}:
            raise UsageError(
                "the decoder's forward takes a token and a state, whatever their names, and memory and mask, by these "
                f"names, where it needs them; found ({', '.join(taken)})"
            )
        self.has_memory = "memory" in taken
        self._mask = taken.get("mask")

    def forward(self, source: Tensor, target: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Scores [B, U, V] of the symbols of ``target`` [B, U], each after those before it (teacher forcing).

        The decoder reads ``start`` and then ``target`` but for its last symbol: entry u is of symbol u of the target,
        which ends in ``end``. ``lengths`` [B] are those of sources that are padded at their end.
        """
        memory, state, mask = self.encode(source, lengths)
        token = target.new_full((target.shape[0],), self.start)
        scores = []
        for u in range(target.shape[1]):
            logits, state = self.step(token, state, memory, mask)
            scores.append(logits)
            token = target[:, u]
        return torch.stack(scores, 1)

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor | None, State, Tensor | None]:
        """Memory [B, T, M], the state of the decoder to begin with, and the mask [B, T] of what is not padding."""
        if lengths is not None or self.needs_lengths:
            given = torch.full((source.shape[0],), source.shape[1]) if lengths is None else lengths
            found = self.encoder(source, lengths=given) if self.lengths_parameter is not None else self.encoder(source)
        else:
            found = self.encoder(source)
        memory, state = self.split(found)
        if memory is None or lengths is None:
            return memory, state, self.full_mask(memory)
        frames = -(-lengths.to(memory.device) // max(1, source.shape[1] // memory.shape[1]))
        return memory, state, torch.arange(memory.shape[1], device=memory.device) < frames[:, None]

    @property
    def needs_lengths(self) -> bool:
        """Whether the encoder cannot be called without ``lengths``."""
        return self.lengths_parameter is not None and self.lengths_parameter.default is _NO_DEFAULT

    def full_mask(self, memory: Tensor | None) -> Tensor | None:
        """The mask of memory without padding, for a decoder that cannot be called without one."""
        if memory is None or self._mask is None or self._mask.default is not _NO_DEFAULT:
            return None
        return memory.new_ones(memory.shape[:2], dtype=torch.bool)

    def split(self, found: Any) -> tuple[Tensor | None, State]:
        """Memory and state of what the encoder returned. Raises UsageError where memory is missing."""
        pair = isinstance(found, tuple | list) and len(found) == 2 and isinstance(found[0], Tensor)
        if self.has_memory:
            if not pair or found[0].ndim != 3:
                raise UsageError("the decoder takes memory: the encoder returns (memory [B, T, M], state)")
            return found[0], found[1]
        if pair and all(found[0].ndim > s.ndim for s in pytree.tree_leaves(found[1])):
            return None, found[1]
        return None, found

    def step(
        self, token: Tensor, state: State, memory: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Scores [B, V] of the symbols after ``token`` [B], and the next state."""
        given = {} if not self.has_memory else {"memory": memory}
        if self._mask is not None and mask is not None:
            given["mask"] = mask
        logits, state = self.decoder(token, state, **given)
        return logits, state

    @torch.no_grad()
    def generate(self, source: Tensor, beam: int | None = None) -> list[int]:
        """The symbols written for one source [1, T] or [1, T, F], without the end: the best one after each, or, with
        ``beam``, the likeliest whole text among those that a beam search of this width finds.

        The module should be in ``eval()`` mode. Raises UsageError for more sources than one, or a width below 1.
        """
        if source.shape[0] != 1:
            raise UsageError(f"generate takes one source, found {source.shape[0]}; generate_batch takes several")
        if beam is None:
            return self.generate_batch(source)[0]
        memory, state, mask = self.encode(source)
        step = self._resumable(memory, mask, source.device)
        found = beam_search(step, self.start, state, width=beam, length=self.max_output, end=self.end)
        return list(found[0].symbols)

    @torch.no_grad()
    def generate_batch(self, source: Tensor, lengths: Tensor | None = None) -> list[list[int]]:
        """For each of the sources [B, T] or [B, T, F], what is written by the best symbol after each."""
        memory, state, mask = self.encode(source, lengths)
        token = torch.full((source.shape[0],), self.start, device=source.device)
        written: list[list[int]] = [[] for _ in range(source.shape[0])]
        going = set(range(source.shape[0]))
        for _ in range(self.max_output):
            logits, state = self.step(token, state, memory, mask)
            token = logits.argmax(-1)
            chosen = token.tolist()
            going = {k for k in going if chosen[k] != self.end}
            for k in going:
                written[k].append(chosen[k])
            if not going:
                break
        return written

    def _resumable(
        self, memory: Tensor | None, mask: Tensor | None, device: torch.device
    ) -> Callable[[int, State], tuple[Array, State]]:
        def step(symbol: int, state: State) -> tuple[Array, State]:
            logits, after = self.step(torch.tensor([symbol], device=device), state, memory, mask)
            return logits[0].float().cpu().numpy().astype(np.float32), after

        return step

    def extra_repr(self) -> str:
        """The symbols that begin and end, and the most that are written."""
        return f"start={self.start}, end={self.end}, max_output={self.max_output}"


_NO_DEFAULT = inspect.Parameter.empty


def _parameters(module: nn.Module) -> dict[str, inspect.Parameter]:
    if not isinstance(module, nn.Module):
        raise UsageError(f"encoder and decoder are PyTorch modules, found {type(module).__name__}")
    return dict(inspect.signature(module.forward).parameters)
