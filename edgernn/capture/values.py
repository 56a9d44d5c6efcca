"""What capture knows of each tensor of the module."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Stream:
    """A tensor that depends on the input.

    value  its name in the graph; a frame of it has the sizes below without the axis of time
    dims   sizes of the tensor as PyTorch sees it, None on the axis of time
    lag    frame j of the tensor is frame j - lag of ``value``; a negative lag tells how many frames after the current
           one its value waits for
    rate   how many frames of the input of the model there are for one of the tensor
    extra  how many frames the tensor has more than that share of the input
    first  frame of ``value`` that is the first of what was computed; the tensor is zero before
    last   of n frames of input, frame n + last - 1 of ``value`` is the last of what was computed; zero after
    zero   whether the frames of ``value`` itself are zero before the first and after the last
    """

    value: str
    dims: tuple[int | None, ...]
    lag: int = 0
    extra: int = 0
    first: int = 0
    last: int = 0
    zero: bool = False
    rate: int = 1

    @property
    def bounds(self) -> tuple[int, int]:
        """Of n frames of input, the tensor is frames bounds[0] to n + bounds[1] - 1 of ``value``."""
        return -self.lag, self.extra - self.lag

    @property
    def time(self) -> int | None:
        """The axis of time, or None."""
        return self.dims.index(None) if None in self.dims else None

    @property
    def frame(self) -> tuple[int, ...]:
        """Sizes of one frame."""
        return tuple(n for n in self.dims if n is not None)

    def axis(self, axis: int) -> int:
        """Axis of the tensor -> negative axis of a frame. Raises ValueError for the axis of time."""
        rank = len(self.dims)
        axis = axis % rank if rank else 0
        if axis == self.time:
            raise ValueError("time")
        position = axis - (1 if self.time is not None and axis > self.time else 0)
        return position - len(self.frame)


@dataclass(frozen=True)
class Constant:
    """A tensor that does not depend on the input, as it is at the two lengths."""

    a: torch.Tensor
    b: torch.Tensor

    @property
    def fixed(self) -> bool:
        """Whether it is the same at both lengths."""
        return self.a is self.b or (self.a.shape == self.b.shape and bool(torch.equal(self.a, self.b)))


@dataclass(frozen=True)
class Several:
    """The results of an operation that has more than one; why there are no further ones, where PyTorch has some."""

    items: tuple[Stream | Constant, ...]
    absent: str = ""


@dataclass(frozen=True)
class Shares:
    """The softmax along time of ``score``: weights of the frames, of which each depends on the whole sequence."""

    score: Stream


@dataclass(frozen=True)
class Weighted:
    """The product of Shares of ``score`` and ``frames``, which have as many axes as ``dims``."""

    score: Stream
    frames: Stream
    dims: tuple[int | None, ...]


@dataclass(frozen=True)
class Products:
    """The products of queries [..., T, D] and keys [..., T, D] of all frames, of which each hides those of later frames
    where ``causal``; where ``weights``, their softmax over the keys."""

    queries: Stream
    keys: Stream
    causal: bool = False
    weights: bool = False


@dataclass(frozen=True)
class Complex:
    """A tensor of complex numbers, of ``dims``: frames of ``value`` are (..., 2, n), real parts and imaginary parts.

    lag, extra  its timing, as of a Stream all of whose frames are computed
    """

    value: str
    dims: tuple[int | None, ...]
    lag: int = 0
    extra: int = 0
    rate: int = 1


Tracked = Stream | Constant | Several | Shares | Weighted | Products | Complex


def frame_of(dims: tuple[int | None, ...]) -> tuple[int, ...]:
    """Sizes without the axis of time."""
    return tuple(n for n in dims if n is not None)


def timed(value: str, dims: tuple[int | None, ...], lag: int, extra: int, rate: int) -> Stream:
    """A tensor all of whose frames are computed; without an axis of time it has no timing."""
    if None not in dims:
        return Stream(value, dims)
    return Stream(value, dims, lag, extra, first=-lag, last=extra - lag, rate=rate)
