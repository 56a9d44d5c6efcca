"""Streams that differ, and how it is said: the step, the output, the values."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn.boards import EmulatedModel, Emulator, build_model, load_board
from edgernn.boards.artifacts import sources_of
from edgernn.boards.verify import Stop, Stream, digest, host_stream, verify
from edgernn.boards.verify.compare import first_difference, largest_error, tolerances
from edgernn.boards.verify.inputs import RANDOM_STEPS, read_input
from edgernn.boards.verify.streams import Array, Frames, StoppedError, evaluate
from edgernn.errors import BoardError, FrameError, UsageError
from edgernn.ir.graph import Port

from .models import boards, hosts, in_scheme, interface_of, port_frames, real_frames, save

PORTS = (Port("a", (2,), "int16", value="a"), Port("b", (), "float32", value="b"))


def _outputs() -> dict[str, Array]:
    return {"a": np.arange(20, dtype=np.int16).reshape(10, 2), "b": np.linspace(0, 1, 10).astype(np.float32)}


def test_the_digest_is_that_of_the_bytes_of_each_step_in_turn() -> None:
    outputs = _outputs()
    data = b"".join(outputs["a"][k].tobytes() + outputs["b"][k].tobytes() for k in range(10))
    assert digest(PORTS, outputs) == hashlib.sha256(data).hexdigest()


def test_the_first_difference_is_that_of_the_earliest_step() -> None:
    expected, found = _outputs(), _outputs()
    allowed = {"a": 0.0, "b": 1e-5}
    assert first_difference(PORTS, expected, found, allowed) is None
    found["b"][5] += np.float32(9e-6)
    assert first_difference(PORTS, expected, found, allowed) is None
    found["b"][6], found["a"][7, 1] = np.nan, 0
    first = first_difference(PORTS, expected, found, allowed)
    assert first is not None and (first.step, first.output, first.index) == (6, "b", ())
    found["a"][3, 1] += 1
    first = first_difference(PORTS, expected, found, allowed)
    assert first is not None and first.text == "step 3, a[1]: expected 7, found 8"
    assert largest_error(expected["b"], found["b"]) == float("inf")


def test_floats_may_differ_by_rounding_and_integers_may_not() -> None:
    expected = {"a": np.full((4, 2), 100, np.int16), "b": np.full(4, 8.0)}
    assert tolerances(PORTS, expected, None) == {"a": 0.0, "b": pytest.approx(81e-6)}
    rounded = {**expected, "b": expected["b"] + 1e-3}
    assert tolerances(PORTS, expected, rounded)["b"] == pytest.approx(1e-2)


@pytest.mark.usefixtures("boards_extra")
def test_a_board_with_other_weights_differs_from_the_first_step(tmp_path: Path) -> None:
    graph = in_scheme("int16x8")
    artifact, other = save(graph, tmp_path), save(in_scheme("int16x8", seed=6), tmp_path / "other")
    reference = host_stream("reference", graph, artifact.path, tmp_path)
    (wrong,) = boards(other, ("nucleo-f446re",), tmp_path / "other")
    verdicts, allowed = verify(graph, port_frames(graph, 40), [reference, wrong])
    assert allowed == {graph.outputs[0].name: 0.0}
    assert verdicts[0].agrees and not verdicts[1].agrees and verdicts[0].sha256 != verdicts[1].sha256
    difference = verdicts[1].difference
    assert difference is not None and difference.step == 0
    assert verdicts[1].text.startswith(f"first differs at step 0, {graph.outputs[0].name}[0]: expected ")


@pytest.mark.usefixtures("boards_extra")
def test_a_program_that_fails_on_its_board_does_not_agree(tmp_path: Path) -> None:
    graph = in_scheme("int16x8")
    artifact, board = save(graph, tmp_path), load_board("microbit")
    folder = sources_of(artifact, board, tmp_path)
    functions = ("init", "step", "sequence")
    image = build_model(board, folder, tmp_path / "small.elf", functions=functions, stack_bytes=64)
    reference = host_stream("reference", graph, artifact.path, tmp_path)
    wrong = Stream("microbit", "", "", lambda frames, stop: EmulatedModel(Emulator(board, image)).run(**frames))
    verdicts, _ = verify(graph, port_frames(graph, 5), [reference, wrong])
    assert not verdicts[1].agrees and "the stack used more than its 64 bytes" in verdicts[1].text


@pytest.mark.usefixtures("boards_extra")
def test_float_streams_agree_within_rounding(tmp_path: Path) -> None:
    pytest.importorskip("numba", reason="the numba engine is not installed")
    graph = in_scheme("float32")
    artifact = save(graph, tmp_path)
    streams = [*hosts(artifact, tmp_path), *boards(artifact, ("nucleo-f446re", "rpi4"), tmp_path)]
    verdicts, allowed = verify(graph, port_frames(graph, 1000), streams)
    assert all(v.agrees for v in verdicts), [v.text for v in verdicts]
    assert 0 < max(v.max_error for v in verdicts) < allowed[graph.outputs[0].name] < 1e-4
    shifted = replace(streams[3], run=lambda frames, stop: _shifted(streams[3], frames, stop))
    verdicts, _ = verify(graph, port_frames(graph, 100), [streams[0], shifted])
    assert verdicts[1].difference is not None and verdicts[1].difference.step == 50


def _shifted(stream: Stream, frames: Frames, stop: Stop) -> dict[str, Array]:
    """The stream as if a frame had been lost at step 50."""
    lost = {name: np.delete(array, 50, axis=0) for name, array in frames.items()}
    return stream.run({name: np.concatenate([a, a[-1:]]) for name, a in lost.items()}, stop)


def test_work_that_is_ended_stops(tmp_path: Path) -> None:
    graph = in_scheme("int16x8")
    done: list[int] = []
    stop = Stop(done.append)
    evaluate(graph, port_frames(graph, 5000), stop)
    assert done == [4096, 904]
    stop.end()
    with pytest.raises(StoppedError):
        evaluate(graph, port_frames(graph, 10), stop)


@pytest.mark.usefixtures("boards_extra")
def test_boards_that_are_too_small_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    text = (Path(__file__).parents[3] / "boards" / "microbit" / "board.toml").read_text()
    small = text.replace("size_bytes = 16_384", "size_bytes = 2_560")
    assert small != text
    (folder / "board.toml").write_text(small)
    artifact = save(in_scheme("int16x8"), tmp_path)
    with pytest.raises(BoardError, match=r"tiny: the model and one frame take [\d,]+ bytes of RAM, [\d,]+ are left"):
        boards(artifact, (str(folder),), tmp_path)
    (folder / "board.toml").write_text(text.replace("size_bytes = 262_144", "size_bytes = 2_048"))
    with pytest.raises(BoardError, match=r"tiny: the model does not fit: .*FLASH"):
        boards(artifact, (str(folder),), tmp_path)


def test_frames_of_files_are_repeated_and_checked(tmp_path: Path) -> None:
    graph = in_scheme("int16x8")
    interface, path = interface_of(graph), tmp_path / "x.npy"
    frames = real_frames(30)
    np.save(path, frames)
    whole = read_input(interface, [str(path)])
    assert (whole.steps, whole.description) == (30, str(path)) and whole.frames["x"].dtype == np.int16
    again = read_input(interface, [str(path)], 70)
    assert again.steps == 70 and again.description == f"{path}, 30 frames repeated"
    assert np.array_equal(again.frames["x"], np.concatenate([whole.frames["x"]] * 3)[:70])
    assert read_input(interface, [str(path)], 10).steps == 10
    assert len(read_input(interface).frames["x"]) == RANDOM_STEPS
    frames[4, 2] = np.nan
    np.save(path, frames)
    with pytest.raises(FrameError, match=r"input 'x': element \(4, 2\) is nan"):
        read_input(interface, [str(path)])
    with pytest.raises(UsageError, match=r"none\.npy"):
        read_input(interface, [str(tmp_path / "none.npy")])
