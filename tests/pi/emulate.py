"""Runs the Python of a Raspberry Pi's userland under QEMU, without root and without chroot.

    python -m tests.pi.emulate BOARD SCRIPT [ARGUMENT ...]

``.pi/root`` is Debian's userland for arm64 (``tools/pi/make_root.sh``), ``.pi/site`` holds the aarch64 wheels of the
engines (``tools/pi/make_site.sh``), ``.pi/base/site-packages`` the wheel of this project and NumPy.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".pi"
BASE = FOLDER / "base/site-packages"
SITE = FOLDER / "site"
CORES = 4

BOARDS = {
    "rpi4": ("cortex-a72", "Raspberry Pi 4 Model B Rev 1.4", "0xd08", "fp asimd evtstrm crc32 cpuid"),
    "rpi5": (
        "cortex-a76", "Raspberry Pi 5 Model B Rev 1.0", "0xd0b",
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
    ),
}  # fmt: skip
"""Board -> QEMU's processor, what the device tree says, and number and features of the core as Linux shows them."""


def interpreter(board: str, path: list[Path], cache: Path) -> list[str]:
    """The words before a script that run it as on ``board``, with modules from ``path`` and numba's cache in ``cache``.

    Exits with a message where QEMU or the userland is missing.
    """
    qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if qemu is None:
        sys.exit("test-pi: qemu-aarch64 is not installed: apt-get install qemu-user")
    pythons = sorted((FOLDER / "root/usr/bin").glob("python3.*[0-9]"))
    if not pythons:
        sys.exit(f"test-pi: there is no userland in {FOLDER}: make test-pi")
    variables = {
        "PYTHONPATH": ":".join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1",
        "NUMBA_CACHE_DIR": str(cache),
    }  # fmt: skip
    environment = [word for name, value in variables.items() for word in ("-E", f"{name}={value}")]
    root = make_system(board)
    return [qemu, "-cpu", BOARDS[board][0], *environment, "-L", str(root), str(pythons[-1])]


def make_system(board: str) -> Path:
    """The userland with what /proc shows on ``board``: libraries find out from there what the processor can do.

    With the host's /proc/cpuinfo, ONNX Runtime and LiteRT crash on an emulated processor.
    """
    root = FOLDER / board
    _, model, part, features = BOARDS[board]
    (root / "proc/device-tree").mkdir(parents=True, exist_ok=True)
    for name in ("usr", "etc", "bin", "sbin", "lib"):
        with contextlib.suppress(FileExistsError):
            (root / name).symlink_to(f"../root/{name}")
    _write(root / "proc/device-tree/model", f"{model}\0")
    cores = "".join(_core(k, part, features) for k in range(CORES))
    _write(root / "proc/cpuinfo", f"{cores}Model\t\t: {model}\n")
    return root


def _write(path: Path, text: str) -> None:
    """Replace the file at once: another emulated program may be reading it, another process writing it."""
    with tempfile.NamedTemporaryFile("w", dir=FOLDER, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)


def _core(number: int, part: str, features: str) -> str:
    return (
        f"processor\t: {number}\nBogoMIPS\t: 108.00\nFeatures\t: {features}\nCPU implementer\t: 0x41\n"
        f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 3\n\n"
    )


if __name__ == "__main__":
    words = [*interpreter(sys.argv[1], [BASE, SITE], FOLDER / "numba"), *sys.argv[2:]]
    os.execv(words[0], words)
