"""The proof that integer models give the same outputs everywhere, over streams as long as a device runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards.verify import verify
from edgernn.ops.evaluate import run_block

from .models import boards, hosts, in_scheme, port_frames, save

CORES = {
    "pico": "cortex-m0plus", "nucleo-f446re": "cortex-m4", "nucleo-h743zi": "cortex-m7", "pico2": "cortex-m33",
    "esp32-c3-devkit": "esp32-c3", "rpi4": "cortex-a72", "rpi5": "cortex-a76",
}  # fmt: skip
"""Board -> core, emulated by Unicorn."""

M55 = "mps3-an547"


@pytest.mark.usefixtures("boards_extra")
@pytest.mark.parametrize(("scheme", "steps"), [("int16x8", 100_000), ("int8", 10_000), ("int16x4", 10_000)])
def test_integer_streams_are_the_same_on_every_engine_and_core(scheme: str, steps: int, tmp_path: Path) -> None:
    pytest.importorskip("numba", reason="the numba engine is not installed")
    graph = in_scheme(scheme)
    artifact = save(graph, tmp_path)
    helium = (M55,) if shutil.which("qemu-system-arm") else ()
    streams = [*hosts(artifact, tmp_path), *boards(artifact, (*CORES, *helium), tmp_path)]
    verdicts, _ = verify(graph, port_frames(graph, steps), streams)
    assert [v.name for v in verdicts] == ["reference", "numba", "native", *CORES, *helium]
    assert {v.name: v.text for v in verdicts if not v.agrees} == {}
    assert {v.sha256 for v in verdicts} == {verdicts[0].sha256}
    if not helium:
        pytest.skip("Cortex-M55: qemu-system-arm is not installed; all other cores agree")


def test_the_frames_use_the_range_of_the_integers() -> None:
    graph = in_scheme("int16x8")
    frames = port_frames(graph, 4000)
    assert np.abs(frames["x"].astype(int)).max() >= 32767
    outputs = run_block(graph, frames)[graph.outputs[0].name].astype(int)
    assert np.ptp(outputs, axis=0).min() > 5000 and len(np.unique(outputs[-2000:, 0])) > 500
