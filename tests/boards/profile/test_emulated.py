"""Profiles of emulated boards: they add up, and agree with what is counted without them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import Emulator, load_board, read_image
from edgernn.boards.emulators import EmulatedModel
from edgernn.boards.profile import ESTIMATED, EXACT, Frames, Job, Profile, Way, emulated
from edgernn.boards.sources import packing_key
from edgernn.errors import BoardError, FrameError, UsageError
from edgernn.export.ern import write as write_ern
from edgernn.ir.interface import Interface
from tests.boards.test_model import IN, small_model, stream

STEPS = 12

pytestmark = pytest.mark.usefixtures("boards_extra")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model in float32 and integers as .ern files, and frames for it."""
    made = tmp_path_factory.mktemp("profile")
    write_ern(small_model(), made / "floats.ern")
    write_ern(stream("int16x8")[0], made / "integers.ern")
    np.save(made / "frames.npy", np.random.default_rng(3).standard_normal((STEPS, IN)).astype(np.float32))
    return made


ProfileModel = Callable[[str, str], Profile]


@pytest.fixture(scope="module")
def profile(folder: Path) -> ProfileModel:
    """Profiles the model on the frames, once for each board; programs and sources stay in ``folder``."""

    @lru_cache
    def run(name: str, board: str) -> Profile:
        frames = Frames([str(folder / "frames.npy")])
        job = Job(folder / f"{name}.ern", load_board(board), Way("emulator"), frames, folder, period_us=1000.0)
        return emulated.profile(job, lambda *_: None)

    return run


@pytest.mark.parametrize("board", ["pico", "nucleo-f446re", "nucleo-h743zi", "esp32-c3-devkit"])
def test_parts_add_up_and_the_whole_is_what_the_emulator_counts(
    profile: ProfileModel, folder: Path, board: str
) -> None:
    found = profile("integers", board)
    assert found.instructions is not None and found.cycles is not None and found.time_us is not None
    assert (found.steps, found.instructions.how, found.cycles.how) == (STEPS, EXACT, ESTIMATED)
    image = read_image(folder / f"integers-{board}.elf")
    model = EmulatedModel(Emulator(load_board(board), image))
    port = model.inputs[0]
    units = np.load(folder / "frames.npy") / port.scale
    costs = [
        model.step(**{port.name: np.clip(np.round(x), -32768, 32767).astype(np.int16)}).cost for x in units
    ]  # fmt: skip
    counts = [cost.instructions for cost in costs]
    assert (found.instructions.minimum, found.instructions.maximum) == (min(counts), max(counts))
    assert sum(node.instructions for node in found.nodes) == pytest.approx(np.mean(counts))
    assert found.cycles.minimum <= sum(node.cycles or 0 for node in found.nodes) <= found.cycles.maximum
    for node in found.nodes:
        assert sum(n for n, _ in node.functions.values()) == pytest.approx(node.instructions)
    assert found.time_us.median == pytest.approx(found.cycles.median * 1e6 / found.clock_hz)
    assert found.ram is not None and found.ram.stack == max(cost.stack_bytes for cost in costs)
    assert found.flash is not None and found.flash.total == image.sizes.flash


def test_nodes_are_those_of_the_program_in_its_order(profile: ProfileModel) -> None:
    for name, expected in (("floats", ["lstm", "gru", "linear"]), ("integers", ["lstm", "gru", "linear"])):
        found = profile(name, "nucleo-f446re")
        kinds = [node.op.removesuffix("_int16") for node in found.nodes]
        assert [kind for kind in kinds if kind in expected] == expected
        assert kinds[-1] == "checks"
        lstm = next(node for node in found.nodes if node.op.startswith("lstm"))
        gru = next(node for node in found.nodes if node.op.startswith("gru"))
        assert lstm.instructions > gru.instructions > 0
        assert any("lstm" in function for function in lstm.functions)
        assert not any("lstm" in function for function in gru.functions)


def test_memory_is_that_of_the_interface_and_the_model(profile: ProfileModel, folder: Path) -> None:
    found = profile("integers", "nucleo-f446re")
    graph = stream("int16x8")[0]
    assert found.ram is not None and found.flash is not None
    assert found.ram.state == sum(state.nbytes for state in graph.states) == 2 * (17 + 17 + 12)
    assert found.ram.frames == 2 * IN + 2 * 3
    assert found.flash.tables == 2 * 1024
    header = (folder / f"integers-{packing_key(load_board('nucleo-f446re'))}" / "integers.h").read_text()
    constants = re.search(r"WEIGHT_BYTES (\d+)", header)
    assert constants is not None and found.flash.weights + found.flash.tables == int(constants[1])
    assert found.flash_region == load_board("nucleo-f446re").memory.flash


def test_waiting_for_flash_bounds_the_time_of_a_step(profile: ProfileModel) -> None:
    waits, none, unknown = (profile("integers", b) for b in ("nucleo-f446re", "microbit", "pico2"))
    assert waits.cycles is not None and none.cycles is not None and unknown.cycles is not None
    assert none.cycles.waiting == 0 and unknown.cycles.waiting is None
    assert waits.cycles.waiting is not None and waits.flash is not None
    lines = waits.flash.weights / 16
    assert 5 * lines < waits.cycles.waiting < 5 * (waits.instructions.maximum if waits.instructions else 0)


def test_a_period_gives_the_share_of_it(profile: ProfileModel) -> None:
    found = profile("integers", "nucleo-f446re")
    assert found.load is not None and found.time_us is not None
    assert found.load.maximum == pytest.approx(found.time_us.maximum / 1000)


def test_each_estimate_says_so_in_text_and_json(profile: ProfileModel) -> None:
    found = profile("integers", "nucleo-h743zi")
    plain = found.to_plain()
    for name in ("cycles", "time_us", "load"):
        assert getattr(found, name).bound == "estimated ±20 %"
        assert plain[name]["how"] == "estimated" and plain[name]["error_percent"] == 20
    assert plain["instructions"]["how"] == "exact"
    assert sum(op["cycles"] for op in plain["ops"].values()) == pytest.approx(sum(n.cycles or 0 for n in found.nodes))


def test_a_core_without_a_model_has_no_time(profile: ProfileModel) -> None:
    found = profile("floats", "rpi4")
    assert found.cycles is None and found.time_us is None and found.flash_region is None
    assert found.notes == ("there is no cycle model of the cortex-a72: no time",)
    assert all(node.cycles is None for node in found.nodes) and len(found.nodes) >= 3


def test_frames_are_random_without_files_and_the_same_each_time() -> None:
    interface = Interface.of(small_model(), "0" * 64)
    first, again = (Frames(steps=5).read(interface)["x"] for _ in range(2))
    assert first.shape == (5, IN) and np.array_equal(first, again) and first.std() > 0


def test_what_cannot_be_profiled_is_refused(profile: ProfileModel, folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", np.zeros((0, IN), np.float32))
    job = Job(
        folder / "floats.ern", load_board("mps2-an386"), Way("emulator"), Frames([str(tmp_path / "none.npy")]), tmp_path
    )
    with pytest.raises(FrameError, match=r"none\.npy: there are no frames"):
        emulated.profile(job, lambda *_: None)
    (tmp_path / "model.onnx").write_bytes(b"")
    job = Job(tmp_path / "model.onnx", load_board("mps2-an386"), Way("emulator"), Frames(), tmp_path)
    with pytest.raises(UsageError, match=r"expected an \.ern file"):
        emulated.profile(job, lambda *_: None)
    with pytest.raises(BoardError, match="firmware is for other boards"):
        profile("floats", "host")
