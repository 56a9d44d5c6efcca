"""What readers and writers of streams have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from edgernn.errors import OutputError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.op import Array

STDIO = "-"


class Source(ABC):
    """Frames in order of time, each a tuple with one entry for each port that the source feeds.

    An entry is whatever ``Session.step`` converts; the session checks it. Frames are read as they
    arrive: nothing beyond the current one is waited for.

    name    what is read, for messages
    number  place of the last frame, counted in ``unit``; None before the first
    total   frames in all, where that is known beforehand
    note    what the user should know after the end, or nothing
    """

    name: str = ""
    unit: str = "frame"
    number: int | None = None
    total: int | None = None
    note: str = ""

    @property
    def where(self) -> str:
        """The place of the last frame, for messages ("x.csv, line 7")."""
        return self.name if self.number is None else f"{self.name}, {self.unit} {self.number}"

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Raises UsageError, naming the place, on content that cannot be read."""

    def close(self) -> None:
        """Close the file. Standard input is left open."""

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Sink(ABC):
    """Takes the results of a session, one step at a time."""

    @abstractmethod
    def write(self, results: Mapping[str, Array]) -> None:
        """Write the outputs of one step, by name.

        Raises OutputError, and BrokenPipeError where the reader went away.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish: what was written is whole and has its final name."""

    def discard(self) -> None:
        """Give up after an error. Formats that are whole after each step keep what they have."""
        self.close()


def read_error(name: str, error: OSError) -> UsageError:
    """A file that cannot be read, as the user's error."""
    return UsageError(f"{name}: cannot be read: {error.strerror or error}")


def write_error(name: str, error: OSError) -> OutputError:
    """A file that cannot be written, as the user's error."""
    return OutputError(f"{name}: cannot be written: {error.strerror or error}")


def describe(port: Port) -> str:
    """What a frame of the port is, for messages."""
    shape = "x".join(map(str, port.shape)) or "1"
    return f"{shape} {port.dtype} values for input {port.name!r}"
