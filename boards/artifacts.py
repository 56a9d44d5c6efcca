"""Programs for boards from what users have: an .ern file, or the C files of an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgernn.boards.build import MODEL_FUNCTIONS, STACK_BYTES, build_model, find_model
from edgernn.boards.image import Image
from edgernn.boards.manifest import Board
from edgernn.boards.serve import build_served
from edgernn.boards.sources import packing_key, write_sources
from edgernn.errors import BoardError, UsageError
from edgernn.export.c.models import Exportable
from edgernn.ir.segmentfile import mode_of, read_model
from edgernn.ir.seq2seq import MODE as SEQ2SEQ
from edgernn.ir.seq2seq import Seq2SeqProgram
from edgernn.ir.seq2seqfile import read_seq2seq
from edgernn.ops import OPS


@dataclass(frozen=True)
class Artifact:
    """A model to build. ``model`` is None for C files, which are packed for one kind of core already."""

    path: Path
    name: str
    model: Exportable | None = None


def open_artifact(path: Path) -> Artifact:
    """Read an .ern file, or find the model among C files: the model's .c, or its folder.

    Raises ArtifactError for a damaged file, UsageError for another kind.
    """
    if path.suffix == ".ern":
        reads_pair = path.is_file() and mode_of(path) == SEQ2SEQ
        model = read_seq2seq(path, OPS)[1] if reads_pair else read_model(path, OPS)[1]
        return Artifact(path, path.stem, model)
    folder = path.parent if path.suffix == ".c" and path.is_file() else path
    if folder.is_dir():
        return Artifact(folder, find_model(folder)[0].stem)
    raise UsageError(
        f"{path}: expected an .ern file, or the .c of an exported model with its other files\n"
        f"  what to do: export the model with --format ern"
    )


def build_artifact(
    artifact: Artifact,
    board: Board,
    output: Path,
    work: Path,
    *,
    functions: Sequence[str] = MODEL_FUNCTIONS,
    optimize: str = "-Os",
    compiler: str = "auto",
    stack_bytes: int = STACK_BYTES,
) -> Image:
    """Compile ``artifact`` for ``board`` to the ELF file ``output``; C files are written into ``work``.

    Raises as ``edgernn.boards.build_model``; BoardError for a board without firmware.
    """
    if board.toolchain is None:
        raise BoardError(
            f"{board.id}: firmware is for other boards than the machine at hand\n"
            f"  what to do: export a shared library (--format so), which runs here"
        )
    return build_model(
        board, sources_of(artifact, board, work), output,
        functions=functions, optimize=optimize, compiler=compiler, stack_bytes=stack_bytes,
    )  # fmt: skip


def build_firmware(
    artifact: Artifact,
    board: Board,
    output: Path,
    work: Path,
    *,
    compiler: str = "auto",
    stack_bytes: int = STACK_BYTES,
) -> Image:
    """As ``build_artifact``; where the board has a serial port (``is_served``), the program answers over it. Raises
    UsageError for an encoder with a decoder, whose sources no line brings."""
    if isinstance(artifact.model, Seq2SeqProgram):
        raise UsageError(
            f"{artifact.path}: firmware that answers over a serial port takes frame after frame, not whole sources\n"
            f"  what to do: export it with --format c, and call {artifact.name}_encode and {artifact.name}_generate"
        )
    if board.toolchain is None or not is_served(board):
        return build_artifact(artifact, board, output, work, compiler=compiler, stack_bytes=stack_bytes)
    folder = sources_of(artifact, board, work)
    return build_served(board, folder, output, compiler=compiler, stack_bytes=stack_bytes)


def is_served(board: Board) -> bool:
    """Whether firmware for ``board`` answers over a serial port; other programs wait for calls from a debugger."""
    return board.serial is not None


def sources_of(artifact: Artifact, board: Board, work: Path) -> Path:
    """The folder with the C files of ``artifact`` for ``board``."""
    if artifact.model is None:
        return artifact.path
    folder = work / f"{artifact.name}-{packing_key(board)}"
    if not folder.exists():
        folder.mkdir(parents=True)
        write_sources(artifact.model, board, folder / f"{artifact.name}.c")
    return folder
