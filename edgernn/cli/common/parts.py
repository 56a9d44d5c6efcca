"""An encoder with a decoder as two models of whole segments, of which each can be looked at alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgernn.ir.segmentfile import mode_of
from edgernn.ir.seq2seq import MODE


@dataclass(frozen=True)
class Part:
    """An artifact, or a part of one in a file of its own.

    label         what it is called to people
    reads_source  whether it takes the inputs of the artifact
    """

    path: Path
    label: str
    reads_source: bool = True


def parts_of(artifact: Path, folder: Path) -> list[Part]:
    """The artifact itself, or, of an .ern of two parts, both: written to ``folder`` as models of whole segments, of
    which a symbol over the frames of memory is one. Raises ArtifactError for a damaged file."""
    if artifact.suffix != ".ern" or not artifact.is_file() or mode_of(artifact) != MODE:
        return [Part(artifact, str(artifact))]
    from edgernn.export.ern import write
    from edgernn.ir.seq2seqfile import read_seq2seq
    from edgernn.ops import OPS

    _, program = read_seq2seq(artifact, OPS)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, segment in (("encode", program.encode), ("step", program.step)):
        path = folder / f"{artifact.stem}_{name}.ern"
        write(segment, path)
        found.append(Part(path, f"{artifact} ({name})", name == "encode"))
    return found
