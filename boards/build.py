"""Compiling programs for boards."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edgernn.boards import boot
from edgernn.boards.image import Image, read_image
from edgernn.boards.linker import BOOT_SECTION, DEFINED, ENTRY, linker_script
from edgernn.boards.manifest import Board
from edgernn.boards.toolchain import LANGUAGE, Compiler, find_compiler
from edgernn.errors import OutputError, UsageError

FIRMWARE = Path(__file__).parent / "firmware"
START = {
    "cortex-m": "start_cortex_m.c", "riscv32": "start_riscv32.c", "aarch64": "start_aarch64.c",
}  # fmt: skip
STACK_BYTES = 2048
MODEL_FUNCTIONS = ("init", "step")
_INIT = re.compile(r"^void (\w+)_init\((\w+) \*model\);", re.MULTILINE)


def build_program(
    board: Board,
    sources: Sequence[Path],
    output: Path,
    *,
    roots: Sequence[str] = (),
    defines: Sequence[str] = (),
    includes: Sequence[Path] = (),
    optimize: str = "-Os",
    compiler: str = "auto",
    stack_bytes: int = STACK_BYTES,
) -> Image:
    """Compile ``sources`` with the start-up code of ``board`` and link them to an ELF file at ``output``.

    roots        functions to keep beside what ``main`` uses; a program without ``main`` gets one that waits
    defines      as for -D
    stack_bytes  what is kept free for the stack; linking fails where RAM is too small for it

    Raises MissingExtraError where there is no compiler, OutputError with its words where compiling fails.
    """
    chosen = find_compiler(board, compiler)
    arguments = [*LANGUAGE, optimize, *(f"-I{path.resolve()}" for path in includes), *(f"-D{d}" for d in defines)]
    names = ("start.c", START[board.core.family], "memory.c", *boot.SOURCES[board.flashing.boot])
    firmware = [FIRMWARE / name for name in names]
    with tempfile.TemporaryDirectory(prefix="edgernn-") as name:
        folder = Path(name)
        objects = _objects(chosen, arguments, [*firmware, *sources], folder / "program.o")
        if "main" in read_image(objects).undefined:
            idle = _objects(chosen, [*LANGUAGE, optimize], [FIRMWARE / "idle.c"], folder / "idle.o")
            return _link(chosen, board, [objects, idle], roots, stack_bytes, output)
        return _link(chosen, board, [objects], roots, stack_bytes, output)


def _objects(compiler: Compiler, arguments: list[str], sources: Sequence[Path], output: Path) -> Path:
    """Compile ``sources`` to one object file, in which what is missing can be seen."""
    missing = [path for path in sources if not path.is_file()]
    if missing:
        raise UsageError(f"{missing[0]}: there is no such C file")
    paths = [str(path.resolve()) for path in sources]
    compiler.run([*arguments, "-r", "-nostdlib", *paths, "-o", str(output)], output.parent)
    return output


def _link(
    compiler: Compiler, board: Board, objects: list[Path], roots: Sequence[str], stack_bytes: int, output: Path
) -> Image:
    script = objects[0].with_name("link.ld")
    boot_bytes = boot.RESERVED_BYTES[board.flashing.boot]
    script.write_text(linker_script(board.memory, roots, stack_bytes, boot_bytes))
    libraries = compiler.runtime_library if _needs_runtime(objects) else ()
    linked = objects[0].with_name("program.elf")
    options = ["-nostdlib", "-static", "-Wl,--gc-sections", f"-Wl,--entry={ENTRY}", "-T", str(script)]
    compiler.run([*options, *map(str, objects), *libraries, "-o", str(linked)], script.parent)
    data = linked.read_bytes()
    _put(boot.with_checksum(data, BOOT_SECTION) if boot_bytes else data, output)
    return read_image(output)


def _needs_runtime(objects: list[Path]) -> bool:
    """Whether something is called that only the compiler's own library has: floating point in software, division."""
    images = [read_image(path) for path in objects]
    defined = {symbol.name for image in images for symbol in image.symbols}
    missing = {name for image in images for name in image.undefined} - defined - DEFINED
    return bool(missing)


def _put(data: bytes, path: Path) -> None:
    temporary = path.with_name(f".edgernn-{secrets.token_hex(8)}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None


def build_model(
    board: Board,
    folder: Path,
    output: Path,
    *,
    functions: Sequence[str] = MODEL_FUNCTIONS,
    optimize: str = "-Os",
    compiler: str = "auto",
    stack_bytes: int = STACK_BYTES,
) -> Image:
    """Build the model whose C files (``edgernn.export.c.write``) are in ``folder``, to be called from outside.

    ``functions`` of the model are kept, and what they use; ``Image.model`` tells of its ports and memory. The model
    has to be exported for ``board.toolchain.lanes``.

    Raises UsageError where ``folder`` does not hold one model, otherwise as ``build_program``.
    """
    _, name, _ = find_model(folder)
    return build_program(
        board, [FIRMWARE / "layout.c", *sorted(folder.glob("*.c"))], output,
        roots=[f"{name}_{function}" for function in functions], defines=model_defines(board, folder),
        includes=[folder], optimize=optimize, compiler=compiler, stack_bytes=stack_bytes,
    )  # fmt: skip


def model_defines(board: Board, folder: Path) -> list[str]:
    """What a program with the model in ``folder`` is compiled with, as for -D."""
    header, name, state = find_model(folder)
    lanes = board.toolchain.lanes if board.toolchain is not None else 1
    return [
        f"ERN_LANES={lanes}", f"{name.upper()}_WITH_INTERFACE",
        f'EDGERNN_HEADER="{header.name}"', f"EDGERNN_STATE={state}",
    ]  # fmt: skip


def find_model(folder: Path) -> tuple[Path, str, str]:
    """The model's header in ``folder``, the prefix of its functions and its structure. Raises UsageError."""
    found = [
        (path, match[1], match[2]) for path in sorted(folder.glob("*.h")) if (match := _INIT.search(path.read_text()))
    ]
    if len(found) != 1:
        names = ", ".join(path.name for path, _, _ in found) or "none"
        raise UsageError(
            f"{folder}: expected the C files of one model, found {names}\n"
            f"  what to do: export the model with --format c into a folder of its own"
        )
    return found[0]
