"""From pip alone to a profile: an environment of its own, the extra `boards`, and one command, all caches cold.

    python -m benchmarks.from_pip --model model.ern [--input frames.npy] [--board nucleo-f446re] [--json results.json]

Installs this checkout from a copy of its committed files. Downloading counts, and depends on the network.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.report import console, machine, show_table, verdict, write_json

ROOT = Path(__file__).parents[1]
LIMIT_S = 120.0
KEPT = ("PATH", "LANG", "LC_ALL", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "SSL_CERT_FILE")
"""Variables that the commands inherit."""


def run(command: list[str], folder: Path, home: Path) -> float:
    """Seconds that ``command`` takes with an empty home folder. Raises CalledProcessError where it fails."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    begin = time.perf_counter()
    subprocess.run(command, cwd=folder, env={**environment, "HOME": str(home)}, check=True)
    return time.perf_counter() - begin


def checkout(folder: Path) -> Path:
    """A copy of the committed files."""
    target = folder / "source"
    target.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "x"], cwd=target, input=archive, check=True)
    return target


@click.command(help=__doc__)
@click.option("--model", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--input", "frames", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--board", default="nucleo-f446re", show_default=True)
@click.option("--check", is_flag=True, help="Exit with 1 where it takes longer than the limit.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(model: Path, frames: Path | None, board: str, check: bool, json_path: Path | None) -> None:
    """See the module."""
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name), Path(name) / "home"
        home.mkdir()
        binaries = folder / "env" / "bin"
        source = checkout(folder)
        given = ["--input", str(frames.resolve())] if frames is not None else []
        steps = {
            "environment": [sys.executable, "-m", "venv", str(folder / "env")],
            "pip install": [str(binaries / "pip"), "install", "-q", "--no-cache-dir", f"{source}[boards]"],
            "edgernn profile": [str(binaries / "edgernn"), "profile", str(model.resolve()), "--board", board, *given],
        }
        seconds = {step: run(command, folder, home) for step, command in steps.items()}
    total = sum(seconds.values())
    show_table(f"From pip to a profile, {machine()}", ["step", "s"], [[k, f"{s:.1f}"] for k, s in seconds.items()])
    console.print(f"in all {total:.1f} s, {verdict(total, LIMIT_S)}")
    write_json({"machine": machine(), "seconds": seconds, "total_s": total}, json_path)
    if check and total > LIMIT_S:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
