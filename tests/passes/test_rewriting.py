"""Passes keep what a program computes, leave their argument alone, and remove what they promise to remove."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from edgernn import ops
from edgernn.errors import UnsupportedModelError, UnsupportedOpError
from edgernn.ir.check import check_graph
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph, Port
from edgernn.ir.legalize import legalize
from edgernn.ir.op import Op
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops.evaluate import run_block
from edgernn.passes import to_step_program
from edgernn.passes.absorb import absorb_moves
from edgernn.passes.fold import fold_affine
from edgernn.passes.simplify import simplify
from edgernn.passes.squeeze import squeeze
from edgernn.passes.stream import stream
from tests.ops.cases.base import CaseBuilder
from tests.property.programs import frames_for, programs

Pass = Callable[[Graph], Graph]


def primitive_only(graph: Graph) -> Graph:
    """Legalized for a backend with neither composite activations nor layer norms."""

    def can_lower(op: Op) -> bool:
        return not (isinstance(op, ops.Unary) and op.function in ("silu", "gelu", "mish", "hard_swish", "softsign"))

    return legalize(graph, "test", can_lower)


@pytest.mark.parametrize(
    ("apply", "error"),
    [(simplify, 0.0), (squeeze, 0.0), (fold_affine, 1e-5), (absorb_moves, 1e-5), (primitive_only, 1e-5)],
)
def test_values_are_kept(apply: Pass, error: float) -> None:
    @settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(graph=programs())
    def property_(graph: Graph) -> None:
        before = fingerprint(graph)
        after = apply(graph)
        assert fingerprint(graph) == before
        check_graph(after)
        frames = frames_for(graph, 12)
        wanted, found = run_block(graph, frames), run_block(after, frames)
        assert [p.name for p in after.outputs] == [p.name for p in graph.outputs]
        for name, y in wanted.items():
            np.testing.assert_allclose(found[name], y, rtol=0, atol=error * max(1.0, float(np.abs(y).max())))

    property_()


@pytest.mark.parametrize("tied", [False, True])
def test_moves_before_a_layer_go_into_its_weights(tied: bool) -> None:
    case = CaseBuilder("absorbed")
    x, w, b = case.input(2, 3, 4), case.weight(5, 24), case.weight(5)
    moved = case.builder.add1(ops.Transpose((-1, -3, -2)), [x])
    row = case.builder.add1(ops.Reshape((24,)), [moved])
    y = case.builder.add1(ops.Linear(), [row, w, b])
    others = [case.builder.add1(ops.Linear(), [case.input(24), w, b])] if tied else []
    graph = case.done(y, *others).graph
    frames = frames_for(graph, 3)
    after = simplify(absorb_moves(graph))
    assert [n.op.kind for n in after.nodes if n.op.kind == "transpose"] == (["transpose"] if tied else [])
    np.testing.assert_allclose(run_block(after, frames)["y0"], run_block(graph, frames)["y0"], atol=1e-5)


def one(case: CaseBuilder, *outputs: str) -> Graph:
    return case.done(*outputs).graph


def kinds(graph: Graph) -> list[str]:
    return [n.op.kind for n in graph.nodes]


def test_moves_that_move_nothing_go() -> None:
    case = CaseBuilder("moves")
    x = case.input(4)
    y = case.builder.add1(ops.Reshape((1, 4)), [x])
    y = case.builder.add1(ops.Transpose((-1, -2)), [y])
    y = case.builder.add1(ops.Reshape((4,)), [y])
    y = case.builder.add1(ops.Expand((4,)), [y])
    y = case.builder.add1(ops.Concat(-1), [y])
    y = case.builder.add1(ops.Slice(-1, 0, 4), [y])
    graph = simplify(one(case, case.builder.add1(ops.Unary("tanh"), [y])))
    assert kinds(graph) == ["unary"] and graph.nodes[0].inputs == (x,)


def test_slices_of_joined_values_and_repeated_nodes_go() -> None:
    case = CaseBuilder("slices")
    x, y = case.input(3), case.input(4)
    joined = case.builder.add1(ops.Concat(-1), [x, y])
    first, again = (case.builder.add1(ops.Slice(-1, 3, 7), [joined]) for _ in range(2))
    part = case.builder.add1(ops.Slice(-1, 4, 6), [joined])
    sums = [case.builder.add1(ops.Unary("exp"), [v]) for v in (first, again)]
    graph = simplify(one(case, *sums, part))
    assert sorted(kinds(graph)) == ["slice", "unary"]
    assert graph.outputs[0].value == graph.outputs[1].value


def test_dead_nodes_and_equal_constants_go() -> None:
    case = CaseBuilder("dead")
    x, w = case.input(4), case.weight(4, 4)
    same = case.builder.constant(case.graph.constants[w].copy())
    bias = case.weight(4)
    y = case.builder.add1(ops.Linear(), [x, w, bias])
    case.builder.add1(ops.Linear(), [x, same, case.weight(4)])
    z = case.builder.add1(ops.Linear(), [y, same, bias])
    graph = simplify(one(case, z))
    assert kinds(graph) == ["linear", "linear"] and len(graph.constants) == 2


def test_scale_and_shift_fold_into_the_layer() -> None:
    case = CaseBuilder("fold")
    x = case.input(3)
    y = case.builder.add1(ops.Linear(), [x, case.weight(5, 3), case.weight(5)])
    for function, constant in (("mul", case.weight(5)), ("add", case.weight(5)), ("div", case.builder.scalar(2.0))):
        y = case.builder.add1(ops.Binary(function), [y, constant])
    before = one(case, y)
    after = simplify(fold_affine(before))
    assert kinds(after) == ["linear"]
    frames = {"x0": np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)}
    np.testing.assert_allclose(run_block(after, frames)["y0"], run_block(before, frames)["y0"], rtol=1e-5, atol=1e-7)


def test_a_layer_that_others_read_is_not_folded() -> None:
    case = CaseBuilder("shared")
    x = case.input(3)
    y = case.builder.add1(ops.Linear(), [x, case.weight(5, 3), case.weight(5)])
    scaled = case.builder.add1(ops.Binary("mul"), [y, case.builder.scalar(2.0)])
    assert kinds(fold_affine(one(case, scaled, y))) == ["linear", "binary"]


def test_a_tied_matrix_is_not_stored_twice() -> None:
    case = CaseBuilder("tied")
    token, table = case.tokens(7, 1), case.weight(7, 4)
    row = case.builder.add1(ops.Embedding(), [token, table])
    logits = case.builder.add1(ops.Linear(), [row, table, case.weight(7)])
    graph = one(case, case.builder.add1(ops.Binary("div"), [logits, case.builder.scalar(0.8)]))
    folded = fold_affine(graph)
    assert [c.shape for c in folded.constants.values()].count((7, 4)) == 1
    shifted = case.builder.add1(ops.Binary("add"), [logits, case.weight(7)])
    case.graph.outputs = [Port("y0", (1, 7), "float32", value=shifted)]
    folded = simplify(fold_affine(simplify(case.graph)))
    assert kinds(folded) == ["embedding", "linear"]
    assert [c.shape for c in folded.constants.values()].count((7, 4)) == 1


def test_batch_axis_goes() -> None:
    case = CaseBuilder("batch")
    x, s = case.input(1, 4), case.state(1, 4)
    y = case.builder.add1(ops.Binary("add"), [x, s])
    y = case.builder.add1(ops.Binary("mul"), [y, case.builder.constant(np.full((1, 4), 0.5, np.float32))])
    case.carry(s, y)
    before = one(case, case.builder.add1(ops.Softmax(-1), [y]))
    after = simplify(squeeze(before))
    check_graph(after)
    assert {v.shape for v in after.values.values()} == {(4,)}
    assert after.inputs[0].shape == after.outputs[0].shape == after.states[0].shape == (4,)
    frames = np.random.default_rng(0).standard_normal((5, 1, 4)).astype(np.float32)
    np.testing.assert_array_equal(
        run_block(after, {"x0": frames[:, 0]})["y0"], run_block(before, {"x0": frames})["y0"][:, 0]
    )


def sequence(start: str) -> Graph:
    """A sequence graph with a GRU from a constant, or from the input itself."""
    case = CaseBuilder(f"sequence_{start}")
    x = case.input(4)
    h = case.weight(4) if start == "constant" else x
    y = case.builder.add1(
        ops.Gru(4), [x, h, *(case.weight(12, 4) for _ in range(2)), case.weight(12), case.weight(12)], "enc.gru"
    )
    end = case.builder.add1(ops.Last(), [y])
    graph = case.graph
    graph.mode = "sequence"
    graph.outputs = [Port("y", (4,), "float32", "frame", value=y), Port("end", (4,), "float32", "final", value=end)]
    return graph


def test_stream_makes_states() -> None:
    graph = sequence("constant")
    program = to_step_program(graph)
    (state,) = program.states
    assert state.name == "enc_gru_h" and program.mode == "stream" and kinds(program) == ["gru"]
    np.testing.assert_array_equal(state.initial, graph.constants[graph.nodes[0].inputs[1]])
    assert program.outputs[0].value == program.outputs[1].value == state.after
    assert [p.kind for p in program.outputs] == ["frame", "final"]
    assert graph.mode == "sequence" and not graph.states


def test_stream_refuses_a_computed_start() -> None:
    with pytest.raises(UnsupportedModelError, match="initial state is computed from the input"):
        stream(sequence("input"))


def test_legalize_names_backend_op_and_node() -> None:
    case = CaseBuilder("legal")
    x = case.input(4)
    graph = one(case, case.builder.add1(ops.Unary("mish"), [x], "activation"))
    lowered = legalize(graph, "test", lambda op: not (isinstance(op, ops.Unary) and op.function == "mish"))
    assert "mish" not in {n.op.function for n in lowered.nodes if isinstance(n.op, ops.Unary)}
    with pytest.raises(
        UnsupportedOpError, match=r"the test backend cannot express op 'unary\(\w+\)' \(node '\w+'\)"
    ):
        legalize(graph, "test", lambda op: isinstance(op, ops.Binary))
    assert kinds(graph) == ["unary"]


def test_value_types_of_different_timing_do_not_mix() -> None:
    frame, end = ValueType("float32", (2,), StreamInfo()), ValueType("float32", (2,), StreamInfo(final=True))
    with pytest.raises(ValueError, match="different timing"):
        ops.Binary("add").infer(frame, end)
