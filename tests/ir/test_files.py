"""The .ern file, its container, its interface and its fingerprint."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from safetensors import safe_open
from safetensors.numpy import save

from edgernn import ops
from edgernn.errors import ArtifactError
from edgernn.export.ern import write
from edgernn.ir.builder import Builder, identifier
from edgernn.ir.check import check_graph
from edgernn.ir.codec import fingerprint
from edgernn.ir.container import read_container
from edgernn.ir.ernfile import parse_ern, read_ern
from edgernn.ir.graph import Graph, Node, Port, State
from edgernn.ir.interface import Interface
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import OPS
from edgernn.ops.evaluate import run_block
from tests.ops.cases.base import CaseBuilder
from tests.property.programs import frames_for, programs


def program() -> Graph:
    case = CaseBuilder("ir_program")
    x, h = case.input(3), case.state(4)
    y = case.builder.add1(ops.Gru(4), [x, h, case.weight(12, 3), case.weight(12, 4), case.weight(12), case.weight(12)])
    case.carry(h, y)
    clipped = case.builder.add1(ops.Unary("clip", (0.0, float("inf"))), [y])
    graph = case.done(clipped, case.builder.add1(ops.LayerNorm(1e-5), [y, case.weight(4), case.weight(4)])).graph
    graph.sample_rate_hz = 16_000.0
    return graph


def test_round_trip_of_random_programs(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("ir") / "random.ern"

    @settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(graph=programs())
    def property_(graph: Graph) -> None:
        write(graph, path)
        interface, found = read_ern(path, OPS)
        assert interface.fingerprint == fingerprint(graph) == fingerprint(found)
        assert [(n.name, n.op, n.inputs, n.outputs) for n in found.nodes] == [
            (n.name, n.op, n.inputs, n.outputs) for n in graph.nodes
        ]
        frames = frames_for(graph, 3)
        for name, y in run_block(graph, frames).items():
            np.testing.assert_array_equal(run_block(found, frames)[name], y)

    property_()


def test_everything_of_the_interface_comes_back(tmp_path: Path) -> None:
    graph = program()
    write(graph, tmp_path / "p.ern")
    interface, found = read_ern(tmp_path / "p.ern", OPS)
    assert found.sample_rate_hz == interface.sample_rate_hz == 16_000.0
    assert found.nodes[1].op == ops.Unary("clip", (0.0, float("inf")))
    assert interface.program() == Interface.of(graph, "").program()
    np.testing.assert_array_equal(found.states[0].initial, graph.states[0].initial)


CHANGES: dict[str, Callable[[Graph], None]] = {
    "a weight": lambda g: g.constants.update({"w": np.nextafter(g.constants["w"], np.float32(9))}),
    "an attribute": lambda g: g.nodes.__setitem__(1, replace(g.nodes[1], op=ops.Unary("clip", (0.0, 1.0)))),
    "a port": lambda g: g.outputs.__setitem__(0, replace(g.outputs[0], name="other")),
    "a kind": lambda g: g.outputs.__setitem__(0, replace(g.outputs[0], kind="final")),
    "a state": lambda g: g.states.__setitem__(0, replace(g.states[0], initial=g.states[0].initial * 2)),
    "the rate": lambda g: setattr(g, "sample_rate_hz", 8_000.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_fingerprint_notices(change: str) -> None:
    graph = program()
    before = fingerprint(graph)
    CHANGES[change](graph)
    assert fingerprint(graph) != before


def test_fingerprint_ignores_name_and_sources() -> None:
    graph = program()
    before = fingerprint(graph)
    graph.name = "another"
    graph.nodes = [replace(n, source="model.py:3 in forward") for n in graph.nodes]
    assert fingerprint(graph) == before


def test_sources_stay_private(tmp_path: Path) -> None:
    graph = program()
    graph.nodes = [replace(n, source="/home/someone/secret.py:3 in forward: x") for n in graph.nodes]
    write(graph, tmp_path / "p.ern")
    assert b"secret" not in (tmp_path / "p.ern").read_bytes()


def test_the_safetensors_library_reads_the_file(tmp_path: Path) -> None:
    graph = program()
    write(graph, tmp_path / "p.ern")
    with safe_open(str(tmp_path / "p.ern"), "numpy") as file:
        assert set(file.keys()) == set(graph.constants)
        assert json.loads(file.metadata()["edgernn"])["fingerprint"] == fingerprint(graph)
        for name, array in graph.constants.items():
            np.testing.assert_array_equal(file.get_tensor(name), array)


def test_container_reads_what_safetensors_writes() -> None:
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([-1, 2], np.int8), "c": np.array(5, np.int32),
        "d": np.array([True, False]), "e": np.array([[300]], np.int16),
    }  # fmt: skip
    metadata, found = read_container(save(arrays, {"k": "v"}), "file")
    assert metadata == {"k": "v"}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def container(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(**changes: Any) -> dict[str, Any]:
    return {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "too few for an .ern file"),
        (b"1234567", "too few"),
        ((1 << 60).to_bytes(8, "little") + b"{}", "the header claims"),
        (container(b"not json"), "not JSON"),
        (container(b"[" * 100_000), "not JSON"),
        (container([1]), "not a JSON object"),
        (container({"__metadata__": {"a": 1}}), "not a map of strings"),
        (container({"w": 1}), "must be an object"),
        (container(tensor(), b"1234567"), "damaged or cut off"),
        (container(tensor(), b"123456789"), "9 bytes|damaged or cut off"),
        (container(tensor(dtype="F99"), b"12345678"), "unknown dtype 'F99'"),
        (container(tensor(dtype="F16"), b"12345678"), "known are F32"),
        (container(tensor(shape=[-2]), b"12345678"), "positive integers"),
        (container(tensor(shape=[True, 2]), b"12345678"), "positive integers"),
        (container(tensor(shape=[1 << 20, 1 << 20]), b"12345678"), "larger than edgernn handles"),
        (container(tensor(shape=2), b"12345678"), "'shape' must be list"),
        (container(tensor(data_offsets=[0]), b"12345678"), "two positive integers"),
        (container(tensor(data_offsets=[8, 0]), b"12345678"), "damaged or cut off"),
        (container(tensor(data_offsets=[4, 12]), b"123456789012"), "gap at byte 0"),
        (container({**tensor(), "v": tensor()["w"]}, b"12345678"), "overlap"),
        (container({"__metadata__": {}}), "holds no program"),
        (save({"w": np.zeros(2, np.float32)}), "holds no program"),
    ],
)
def test_container_refuses(data: bytes, words: str) -> None:
    with pytest.raises(ArtifactError, match=words) as caught:
        parse_ern(data, OPS, "some/file.ern")
    assert str(caught.value).startswith("some/file.ern: ")


def interface_with(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(Interface.of(program(), "ab" * 32).to_json())
    return {**plain, **changes}


PORT = {"name": "x", "shape": [3], "dtype": "float32", "kind": "frame", "limit": None}
STATE = {"name": "h", "shape": [2], "dtype": "float32", "initial": None, "scale": None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "format version 2, this edgernn reads version 1"),
        ({"format": None}, "format version None"),
        ({"name": 3}, "'name' must be str, found int"),
        ({"fingerprint": "xyz"}, "64 hex digits"),
        ({"sample_rate_hz": -1}, "positive number or null"),
        ({"sample_rate_hz": float("nan")}, "positive number or null"),
        ({"hop": 0}, "hop 0 must be at least 1"),
        ({"hop": True}, "'hop' must be int, found bool"),
        ({"delay": -1}, "delay -1 at least 0"),
        ({"inputs": []}, "needs inputs and outputs"),
        ({"inputs": [PORT, PORT]}, "input names are not unique"),
        ({"inputs": [{**PORT, "kind": "other"}]}, "unknown kind 'other'"),
        ({"inputs": [{**PORT, "dtype": "float64"}]}, "unknown dtype 'float64'"),
        ({"inputs": [{**PORT, "limit": 0}]}, "limit must be a positive integer"),
        ({"inputs": [{**PORT, "shape": [1] * 9}]}, "larger than edgernn handles"),
        ({"inputs": [{**PORT, "shape": [1 << 27]}]}, "larger than edgernn handles"),
        ({"outputs": [1]}, r"outputs\[0\]: must be an object"),
        ({"states": [{**STATE, "initial": "?"}]}, "initial value is damaged"),
        ({"states": [{**STATE, "initial": "AAAA"}]}, "initial value is damaged"),
        ({"states": [{**STATE, "scale": 0}]}, "scale must be a positive number"),
        ({"states": [STATE, STATE]}, "state names are not unique"),
        ({"states": [{**STATE, "name": f"s{k}", "shape": [1 << 24]} for k in range(3)]}, "larger than edgernn handles"),
    ],
)
def test_interface_refuses(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ArtifactError, match=words):
        Interface.from_json(json.dumps(interface_with(**changes)), "file")


def broken(change: Callable[[Graph], None]) -> Graph:
    graph = program()
    change(graph)
    return graph


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: g.nodes.reverse(), "before they are defined"),
        (lambda g: g.values.update({"gru": ValueType("float32", (5,), StreamInfo())}), "the op infers"),
        (lambda g: g.nodes.append(g.nodes[0]), "defined twice"),
        (lambda g: g.states.append(g.states[0]), "defined twice"),
        (lambda g: g.outputs.append(Port("z", (4,), "float32", value="gone")), "names the undefined value 'gone'"),
        (lambda g: g.outputs.append(Port("z", (5,), "float32", value="gru")), r"port 'z' is float32 \(5,\)"),
        (lambda g: g.states.__setitem__(0, replace(g.states[0], after="nowhere")), "names the undefined value"),
        (lambda g: g.states.__setitem__(0, replace(g.states[0], after="x0")), r"is \(4,\), value 'x0' is \(3,\)"),
        (lambda g: g.states.__setitem__(0, replace(g.states[0], initial=np.zeros(3, np.float32))), "does not fit"),
        (lambda g: g.nodes.append(Node("n", ops.Unary("tanh"), ("w",), ("n",))), "constants only"),
    ],
)  # fmt: skip
def test_check_refuses(change: Callable[[Graph], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_graph(broken(change))


def test_check_refuses_steps_that_are_too_large() -> None:
    case = CaseBuilder("large")
    x = case.input(2)
    wide = case.builder.add1(ops.Expand((1 << 23, 2)), [x])
    with pytest.raises(ValueError, match="a step is too large"):
        case.done(case.builder.add1(ops.Unary("tanh"), [wide]))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("encoder.gru", "encoder_gru"),
        ("3x", "v3x"),
        ("a-b c", "a_b_c"),
        ("größe", "gr_e"),
        ("", "value"),
        ("__", "value"),
    ],
)
def test_identifier(text: str, name: str) -> None:
    assert identifier(text) == name and identifier(text).isidentifier()


def test_names_are_unique() -> None:
    builder = Builder(Graph("g"))
    names = [builder.constant(np.zeros(2), "w.x") for _ in range(3)]
    assert names == ["w_x", "w_x_2", "w_x_3"]
    assert builder.graph.constants["w_x"].dtype == np.float32
    assert builder.graph.constants[builder.constant(np.arange(2))].dtype == np.int32


def test_state_bytes() -> None:
    assert State("h", (2, 3), "int16", np.zeros((2, 3), np.int16)).nbytes == 12
    assert Port("x", (2, 3), "float32").size == 6
