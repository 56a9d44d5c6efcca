"""A running model of two parts: it reads a source, then it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, overload

import numpy as np

from edgernn.errors import FrameError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.ir.seq2seq import FRAMES_STATE, Seq2SeqProgram
from edgernn.ir.tokenizer import Tokenizer
from edgernn.runtime.decode.beam import Hypothesis, beam_search
from edgernn.runtime.decode.sampling import Sampler
from edgernn.runtime.engines.base import Engine, copy_states
from edgernn.runtime.segment import SegmentSession
from edgernn.runtime.session import Session
from edgernn.runtime.stages import StageRunner

GREEDY = Sampler(0.0)


class Translator(Protocol):
    """An engine for steps of the decoder, whose states are ``Seq2SeqProgram.states``, that reads sources as well.

    interface  of mode "seq2seq"
    """

    interface: Interface

    def encode(self, inputs: Sequence[Array], count: int) -> None:
        """Read a source of ``count`` steps, and begin anew. Inputs are as for ``edgernn.runtime.segment.Runner``."""


class ProgramEngine(Engine):
    """Of an .ern file: both parts in stages, on engines for step programs. See ``Translator``."""

    checks_finite = True

    def __init__(self, program: Seq2SeqProgram, encode: StageRunner, step: StageRunner) -> None:
        super().__init__(program.interface())
        self.name = encode.name  # type: ignore[misc]
        self.program, self._encode, self._step = program, encode, step
        self._values = copy_states([s.initial for s in self.interface.states])
        self._index = {s.name: k for k, s in enumerate(self.interface.states)}
        self._after = {c.after: k for k, c in enumerate(program.carried) if c.after}

    def encode(self, inputs: Sequence[Array], count: int) -> None:
        """As ``Translator.encode``."""
        outputs = zip(self.program.encode.outputs, self._encode.run(inputs, count), strict=True)
        found = {port.name: array for port, array in outputs}
        for k, carried in enumerate(self.program.carried):
            start = found[carried.start] if carried.start else carried.state.initial
            self._values[k] = np.array(start).reshape(carried.state.shape)
        for inner, outer in self.program.memory.items():
            memory = self._values[self._index[inner]]
            memory[:count], memory[count:] = found[outer].reshape(count, *memory.shape[1:]), 0
        self._values[-1][0] = count

    def run(self, *frames: Array) -> tuple[Array, ...]:
        count = int(self._values[-1][0])
        _check_symbol(frames[0], self.interface.inputs[0], count)
        given = {name: self._values[k] for name, k in self._index.items() if name != FRAMES_STATE}
        given[self.program.symbol] = frames[0]
        inputs = [given[p.name][:count] if p.kind == "frame" else given[p.name] for p in self.program.step.inputs]
        outputs = zip(self.program.step.outputs, self._step.run(inputs, count), strict=True)
        found = {port.name: array for port, array in outputs}
        for name, k in self._after.items():
            self._values[k] = found[name].reshape(self._values[k].shape)
        return (found[self.program.scores].reshape(self.interface.outputs[0].shape),)

    def get_states(self) -> list[Array]:
        return copy_states(self._values)

    def set_states(self, states: Sequence[Array]) -> None:
        self._values = copy_states(states)

    def close(self) -> None:
        """Release the engines of both parts."""
        self._encode.close()
        self._step.close()


def _check_symbol(symbol: Array, port: Port, count: int) -> None:
    if count < 1:
        raise UsageError("no source was read yet: session.encode(source) comes before steps")
    if port.limit is not None and not 0 <= int(symbol.reshape(-1)[0]) < port.limit:
        raise FrameError(f"input {port.name!r}: symbols are 0 to {port.limit - 1}, found {int(symbol.reshape(-1)[0])}")


class Seq2SeqSession(Session):
    """A model that reads a whole source and then writes symbol after symbol. Get one from ``edgernn.load``.

    ``encode(source)`` comes first; ``step(symbol)`` then gives the scores of the symbols that may follow. ``generate``
    does both. A snapshot holds what was read as well, so that another session can go on.
    """

    def __init__(self, engine: Engine, path: str = "", raw: bool = False) -> None:
        super().__init__(engine, path, raw)
        if self.interface.encoder is None or self.interface.writing is None:
            raise UsageError(f"{path}: mode {self.interface.mode!r}; an encoder with a decoder was expected")
        self.encoder, self.writing = self.interface.encoder, self.interface.writing
        self._source = SegmentSession(_Reads(self), path)

    @property
    def max_frames(self) -> int:
        """The most frames that a source may have."""
        return self.encoder.max_frames or 0

    @property
    def source_tokenizer(self) -> Tokenizer | None:
        """What the symbols of a source stand for, where the artifact holds that."""
        return self.encoder.tokenizer

    def encode(self, *source: Any, **named: Any) -> None:
        """Read a source, and begin anew. It is given as ``SegmentSession.run`` takes a segment, or as a text.

        Raises FrameError for a wrong shape, dtype, length or value, UsageError for a text without a tokenizer.
        """
        if len(source) == 1 and isinstance(source[0], str):
            source = (self._read(source[0]),)
        if len(source) == 1 and not named and self.encoder.inputs[0].dtype == "int32" and np.ndim(source[0]) == 1:
            source = (np.asarray(source[0]).reshape(-1, *self.encoder.inputs[0].shape),)
        self._source.run(*source, **named)

    def _read(self, text: str) -> Array:
        tokenizer = self.source_tokenizer
        if tokenizer is None:
            raise UsageError(f"model {self.interface.name!r} has no tokenizer of sources: give their symbols")
        read = tokenizer.prompt(text) + ([] if tokenizer.end is None else [tokenizer.end])
        return np.asarray(read, np.int32)

    @overload
    def generate(self, source: str, *, sampler: Sampler = ..., beam: int | None = ..., length: int | None = ...,
                 normalization: float = ...) -> str: ...  # fmt: skip
    @overload
    def generate(self, source: Any, *, sampler: Sampler = ..., beam: int | None = ..., length: int | None = ...,
                 normalization: float = ...) -> list[int]: ...  # fmt: skip
    def generate(
        self, source: Any, *, sampler: Sampler = GREEDY, beam: int | None = None, length: int | None = None,
        normalization: float = 0.0,
    ) -> str | list[int]:  # fmt: skip
        """What is written for a source: the text for a text where the artifact has tokenizers, else symbols.

        sampler  chooses after each symbol, by default the best; or
        beam     the likeliest whole text of a beam search of this width, compared as ``normalization`` says
        length   the most symbols; None for ``writing.max_output``
        """
        self.encode(source)
        if beam is None:
            written = list(self.write(sampler, length))
        else:
            written = list(self.search(beam, length, normalization)[0].symbols)
        if isinstance(source, str) and self.tokenizer is not None:
            return self.tokenizer.decode(written)
        return written

    def write(self, sampler: Sampler = GREEDY, length: int | None = None) -> Iterator[int]:
        """Symbol by symbol what is written after the source that was read, up to the end."""
        scale, raw, symbol = self.outputs[0].scale, self.raw, self.writing.start
        most = self.writing.max_output if length is None else length
        for position in range(most):
            self.raw = True
            try:
                scores = np.asarray(self.step(symbol)).reshape(-1)
            finally:
                self.raw = raw
            symbol = sampler.choose(scores, position, scale)
            if symbol == self.writing.end:
                return
            yield symbol

    def search(self, width: int, length: int | None = None, normalization: float = 0.0) -> list[Hypothesis]:
        """The likeliest texts after the source that was read, best first; see ``edgernn.runtime.decode.beam_search``.

        The session is where it was before."""
        before, raw = self._engine.get_states(), self.raw
        self.raw = True
        try:
            return beam_search(
                self._resumable(), self.writing.start, tuple(before), width=width,
                length=self.writing.max_output if length is None else length, end=self.writing.end,
                normalization=normalization, scale=self.outputs[0].scale,
            )  # fmt: skip
        finally:
            self.raw = raw
            self._engine.set_states(before)

    def _resumable(self) -> Callable[[int, Any], tuple[Array, Any]]:
        def step(symbol: int, state: tuple[Array, ...]) -> tuple[Array, tuple[Array, ...]]:
            self._engine.set_states(state)
            scores = np.asarray(self.step(symbol)).reshape(-1)
            return scores, tuple(self._engine.get_states())

        return step

    def close(self) -> None:
        """Release the engine."""
        super().close()
        self._source.close()

    def __repr__(self) -> str:
        ports = ", ".join(f"{p.name}{list(p.shape)}" for p in self.encoder.inputs)
        return (
            f"<Seq2SeqSession {self.interface.name}: {ports}, up to {self.max_frames} frames; "
            f"{self.outputs[0].size} symbols, up to {self.writing.max_output}; {self.state_bytes} B of state; "
            f"engine {self.engine}>"
        )


class _Reads:
    """The encoder of a session as what runs segments, which gives nothing."""

    buffer_bytes = state_bytes = 0

    def __init__(self, session: Seq2SeqSession) -> None:
        self._session, self.interface, self.name = session, session.encoder, session.engine

    def run(self, inputs: Sequence[Array], count: int) -> list[Array]:
        """The engine keeps what it reads."""
        self._session._engine.encode(inputs, count)  # type: ignore[union-attr]
        return [np.zeros(0, p.dtype) for p in self.interface.outputs]

    def close(self) -> None:
        """The session closes the engine."""
