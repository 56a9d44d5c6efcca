"""The tflite engine: outputs and states that share values, lifetime, damaged and foreign files, errors."""

import gc
import os
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgernn.runtime
from edgernn.errors import ArtifactError, EngineError, FrameError, MissingExtraError, UsageError
from edgernn.export.tflite import to_bytes, write
from edgernn.export.tflite.schema import flatbuffers, schema
from edgernn.export.tflite.writer import Writer
from edgernn.ir.codec import fingerprint
from edgernn.ir.interface import Interface
from edgernn.ops import Binary, Concat, Embedding, Reshape, Slice, Unary
from edgernn.runtime.engines import tflite
from edgernn.runtime.engines.tflite_file import read_interface
from tests.ops.cases import all_cases
from tests.ops.cases.base import Case, CaseBuilder
from tests.ops.test_engines import reference_run

FUZZ_CASES = 10_000


def unchanged_state() -> Case:
    """A state that never changes, next to one that does."""
    case = CaseBuilder("unchanged_state")
    x, kept, summed = case.input(3), case.state(3), case.state(3)
    after = case.builder.add1(Binary("add"), [summed, x])
    case.carry(kept, kept)
    case.carry(summed, after)
    return case.done(case.builder.add1(Binary("mul"), [after, kept]))


def constant_ends() -> Case:
    """A constant that is two outputs, and one that becomes the state."""
    case = CaseBuilder("constant_ends")
    x, s, k = case.input(3), case.state(3), case.weight(3)
    case.carry(s, k)
    return case.done(k, case.builder.add1(Binary("add"), [x, s]), k)


def one_value_everywhere() -> Case:
    """A value that is two outputs and the next value of two states."""
    case = CaseBuilder("one_value_everywhere")
    x, a, b = case.input(3), case.state(3), case.state(3)
    total = case.builder.add1(Binary("add"), [x, case.builder.add1(Binary("sub"), [a, b])])
    y = case.builder.add1(Unary("tanh"), [total])
    case.carry(a, y)
    case.carry(b, y)
    return case.done(y, y)


def rotation() -> Case:
    """Three states that move on by one, the input entering: nothing is computed at all."""
    case = CaseBuilder("rotation")
    x, a, b, c = case.input(5), case.state(5), case.state(5), case.state(5)
    case.carry(a, x)
    case.carry(b, a)
    case.carry(c, b)
    return case.done(c, x)


def shift_register() -> Case:
    """A state read by several nodes while its successor is a slice of it and the input."""
    case = CaseBuilder("shift_register")
    x, s = case.input(2), case.state(8)
    joined = case.builder.add1(Concat(-1), [s, x])
    case.carry(s, case.builder.add1(Slice(-1, 2, 10), [joined]))
    return case.done(s, joined, case.builder.add1(Reshape((4, 2)), [s]))


@pytest.mark.parametrize(
    "make",
    [unchanged_state, constant_ends, one_value_everywhere, rotation, shift_register],
    ids=lambda make: make.__name__,
)
@pytest.mark.parametrize("plain", [False, True], ids=["engine", "set_tensor"])
def test_shared_values(make: Callable[[], Case], plain: bool, tmp_path: Path) -> None:
    case = make()
    path = tmp_path / "m.tflite"
    write(case.graph, path)
    expected, final = reference_run(case)
    found, states = (run_plainly if plain else run_engine)(case, path)
    for wanted, got in zip(expected, found, strict=True):
        for w, g in zip(wanted, got, strict=True):
            np.testing.assert_allclose(g, w, rtol=0, atol=1e-6)
    for w, g in zip(final, states, strict=True):
        np.testing.assert_allclose(g, w, rtol=0, atol=1e-6)


def run_engine(case: Case, path: Path) -> tuple[list[tuple[np.ndarray, ...]], list[np.ndarray]]:
    engine = tflite.open(path)
    return [engine.run(*frames) for frames in case.frames], engine.get_states()


def run_plainly(case: Case, path: Path) -> tuple[list[tuple[np.ndarray, ...]], list[np.ndarray]]:
    """As anyone would run the file: the package's own interface, by the names in the signature."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path), num_threads=1).get_signature_runner("serving_default")
    states = {s.name: s.initial[None] for s in case.graph.states}
    outputs = []
    for frames in case.frames:
        feed = {p.name: frame[None] for p, frame in zip(case.graph.inputs, frames, strict=True)}
        result = runner(**feed, **states)
        outputs.append(tuple(result[p.name][0] for p in case.graph.outputs))
        states = {s.name: result[f"{s.name}_next"] for s in case.graph.states}
    return outputs, [state[0] for state in states.values()]


def test_session_steps_resets_and_restores(tmp_path: Path) -> None:
    case, path = gru_case(), tmp_path / "m.tflite"
    write(case.graph, path)
    frames = [frame for (frame,) in case.frames]
    with edgernn.runtime.load(path) as session:
        assert session.engine == "tflite"
        first = [session.step(frame) for frame in frames]
        blob = session.snapshot()
        more = [session.step(frame) for frame in frames]
        session.restore(blob)
        for a, b in zip(more, map(session.step, frames), strict=True):
            np.testing.assert_array_equal(a, b)
        session.reset()
        for a, b in zip(first, map(session.step, frames), strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(UsageError, match="closed"):
        session.step(frames[0])


def test_results_are_independent_of_later_steps(tmp_path: Path) -> None:
    case, path = gru_case(), tmp_path / "m.tflite"
    write(case.graph, path)
    session = edgernn.runtime.load(path)
    first = session.step(case.frames[0][0])
    copy, states = first.copy(), session.get_states()
    kept = {name: state.copy() for name, state in states.items()}
    session.step(case.frames[1][0])
    np.testing.assert_array_equal(first, copy)
    for name, state in states.items():
        np.testing.assert_array_equal(state, kept[name])


def test_step_outlives_its_session(tmp_path: Path) -> None:
    """The closure alone keeps weights and memory of the interpreter alive."""
    case, path = gru_case(), tmp_path / "m.tflite"
    write(case.graph, path)
    expected = [results[0] for results in reference_run(case)[0]]
    steps = [tflite.open(path).single() for _ in range(20)]
    gc.collect()
    ballast = [np.full(len(path.read_bytes()) // 4, 7.0, np.float32) for _ in range(40)]
    for step in steps:
        for (frame,), wanted in zip(case.frames, expected, strict=True):
            np.testing.assert_allclose(step(frame), wanted, rtol=0, atol=1e-5)
    del ballast


def test_nothing_grows(tmp_path: Path) -> None:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("tflite: this system does not tell a process its resident memory")
    case, path = gru_case(), tmp_path / "m.tflite"
    write(case.graph, path)
    session, (frame,) = edgernn.runtime.load(path), case.frames[0]
    pages = []
    for _ in range(2):
        for _ in range(50_000):
            session.step(frame)
        gc.collect()
        pages.append(int(statm.read_text().split()[1]))
    assert (pages[1] - pages[0]) * os.sysconf("SC_PAGE_SIZE") < 1 << 20


@pytest.mark.parametrize("multiple", [False, True])
def test_index_out_of_range_changes_no_state(multiple: bool, tmp_path: Path) -> None:
    """The engine checks indices before it runs the interpreter."""
    case = CaseBuilder("lookup")
    tokens, s = case.tokens(5, 2), case.state(2, 3)
    looked_up = case.builder.add1(Embedding(), [tokens, case.weight(5, 3)])
    case.carry(s, case.builder.add1(Binary("add"), [s, looked_up]))
    done = case.done(looked_up)
    write(done.graph, tmp_path / "m.tflite")
    engine = tflite.open(tmp_path / "m.tflite")
    step = engine.run if multiple else engine.single()
    before = engine.get_states()
    with pytest.raises(FrameError, match="state is unchanged"):
        step(np.array([1, 10**6], np.int32))
    np.testing.assert_array_equal(engine.get_states()[0], before[0])
    step(np.array([1, 2], np.int32))
    assert not np.array_equal(engine.get_states()[0], before[0])


def test_no_byte_can_change_unnoticed() -> None:
    data = to_bytes(gru_case().graph)
    read_interface(data, "m.tflite")
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(ArtifactError, match=r"^m\.tflite: "):
            read_interface(bytes(damaged), "m.tflite")


def test_truncated_files(tmp_path: Path) -> None:
    data = to_bytes(gru_case().graph)
    path = tmp_path / "m.tflite"
    for length in [*range(300), *range(300, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ArtifactError, match=r"m\.tflite: "):
            tflite.open(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(ArtifactError, match="digest"):
        tflite.open(path)


def test_mutated_files(tmp_path: Path) -> None:
    """Random bytes, blocks of zeros or ones, cuts and shifts, through the whole of ``open``."""
    data, rng, path = to_bytes(gru_case().graph), random.Random(0), tmp_path / "m.tflite"
    for _ in range(FUZZ_CASES):
        mutated = mutate(data, rng)
        if mutated == data:
            continue
        path.write_bytes(mutated)
        with pytest.raises(ArtifactError, match=r"m\.tflite: "):
            tflite.open(path)


def mutate(data: bytes, rng: random.Random) -> bytes:
    mutated = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        near_the_head = min(int(rng.expovariate(1 / 400)), len(mutated) - 1)
        start = rng.choice([near_the_head, rng.randrange(len(mutated))])
        block = slice(start, start + rng.choice([1, 1, 1, 4, 16, 64]))
        size = len(mutated[block])
        insertion = slice(start, start)
        place, content = rng.choice([
            (block, rng.randbytes(size)), (block, bytes(size)), (block, b"\xff" * size), (block, b""),
            (insertion, rng.randbytes(size)),
        ])  # fmt: skip
        mutated[place] = content
    return bytes(mutated)


def test_random_bytes_behind_the_identifier() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        head = rng.randrange(64).to_bytes(4, "little") if rng.random() < 0.8 else rng.randbytes(4)
        small = bytes(rng.choice([0, 0, 0, 1, 4, 8, 16, 255]) for _ in range(rng.randrange(200)))
        with pytest.raises(ArtifactError):
            read_interface(head + b"TFL3" + small, "noise")


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x08\0\0\0ONNX" + bytes(100), b"PK\x03\x04" + bytes(100)])
def test_files_of_other_kinds(data: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"not a \.tflite file"):
        read_interface(data, "m.tflite")


def test_models_of_others_are_named_as_such() -> None:
    builder = flatbuffers.Builder(64)
    subgraph = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[])
    bare = schema.ModelT(version=3, operatorCodes=[], subgraphs=[subgraph], buffers=[schema.BufferT()])
    builder.Finish(bare.Pack(builder), file_identifier=b"TFL3")
    with pytest.raises(ArtifactError, match="not one that edgernn wrote"):
        read_interface(bytes(builder.Output()), "m.tflite")
    tagged = Writer("other").finish({}, {}, {"min_runtime_version": b"2.14.0"}, "serving_default")
    with pytest.raises(ArtifactError, match="not one that edgernn wrote"):
        read_interface(tagged, "m.tflite")


@pytest.mark.parametrize(
    ("change", "message"),
    [("shape", r"\(1, 4\) in the interface"), ("dtype", "is int32"), ("count", "2 tensors for 3 ports")],
)
def test_interface_that_does_not_fit_the_program(change: str, message: str, tmp_path: Path) -> None:
    graph = gru_case().graph
    interface = Interface.of(graph, fingerprint(graph))
    port = interface.inputs[0]
    ports = {
        "shape": (replace(port, shape=(port.shape[0] + 1,)),),
        "dtype": (replace(port, dtype="int32"),),
        "count": tuple(replace(port, name=f"x{k}") for k in range(2)),
    }[change]
    writer = Writer("lie")
    ends = [*graph.inputs, *graph.states]
    tensors = {end.name: writer.tensor(end.name, (1, *end.shape), end.dtype) for end in ends}
    copy = writer.tensor("copy", (1, 4), "float32")
    writer.operator("ABS", [tensors[graph.states[0].name]], [copy])
    lie = replace(interface, inputs=ports, outputs=(replace(interface.outputs[0], shape=(4,)),))
    metadata = {"edgernn": lie.to_json().encode()}
    data = writer.finish(tensors, {"y": copy, "next": copy}, metadata, "serving_default")
    (tmp_path / "m.tflite").write_bytes(data)
    with pytest.raises(ArtifactError, match=rf"m\.tflite: .*{message}"):
        tflite.open(tmp_path / "m.tflite")


def test_program_that_the_interpreter_refuses(tmp_path: Path) -> None:
    graph = gru_case().graph
    writer = Writer("impossible")
    x, y = writer.tensor("x", (1, 3), "float32"), writer.tensor("y", (1, 3), "float32")
    writer.operator("ADD", [x, writer.constant(np.zeros((1, 5), np.float32))], [y], schema.AddOptionsT())
    metadata = {"edgernn": Interface.of(graph, fingerprint(graph)).to_json().encode()}
    (tmp_path / "m.tflite").write_bytes(writer.finish({"x": x}, {"y": y}, metadata, "serving_default"))
    with pytest.raises(EngineError, match=r"m\.tflite: ai-edge-litert refuses the file"):
        tflite.open(tmp_path / "m.tflite")


def test_missing_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(gru_case().graph, tmp_path / "m.tflite")
    assert tflite.missing() is None
    monkeypatch.setattr(tflite, "PACKAGES", {"a_package_that_is_not_there": "absent"})
    with pytest.raises(MissingExtraError, match=r"edgernn\[tflite\]"):
        edgernn.runtime.load(tmp_path / "m.tflite")
    with pytest.raises(MissingExtraError, match=r"edgernn\[tflite\]"):
        tflite.open(tmp_path / "m.tflite")


@pytest.mark.parametrize(
    ("module", "message"),
    [("tflite_runtime", "tflite-x needs numpy<2, this is NumPy 2"), ("broken", "imported: no library")],
)
def test_package_that_cannot_be_used(
    module: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / module
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "interpreter.py").write_text("raise OSError('no library')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(tflite, "PACKAGES", {module: "tflite-x"})
    monkeypatch.setattr(np, "__version__", "2.4.6")
    write(gru_case().graph, tmp_path / "m.tflite")
    try:
        with pytest.raises(EngineError, match=message):
            tflite.open(tmp_path / "m.tflite")
    finally:
        sys.modules.pop(module, None)


def gru_case() -> Case:
    return next(case for case in all_cases() if case.name == "gru_3_4")
