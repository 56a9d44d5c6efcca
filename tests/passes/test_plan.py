"""The memory plan, executed: a step whose values live where the plan says gives what separate memory gives."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgernn.export.c.lowering import in_place, workspace
from edgernn.export.c.program import Program
from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Node, Port
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.ops import Binary, Concat, Gru, Linear, Reshape, Slice, Unary
from edgernn.ops.dequantize import dequantized
from edgernn.passes.plan import Location, MemoryPlan, alias_offset, plan_memory
from tests.ops.cases import all_cases
from tests.ops.cases.base import Case, CaseBuilder
from tests.ops.test_engines import reference_run


class Machine:
    """Runs a graph in the memory that a plan describes. Fresh scratch holds NaN."""

    def __init__(self, graph: Graph, plan: MemoryPlan) -> None:
        self.graph, self.plan = graph, plan
        self.memory = {("state", s.name): np.array(s.initial).ravel() for s in graph.states}
        self.memory.update({("constant", n): a.ravel() for n, a in graph.constants.items()})
        self.memory.update({("output", p.name): np.zeros(p.size, p.dtype) for p in graph.outputs})
        for dtype, size in plan.scratch.items():
            self.memory["scratch", dtype] = np.full(size, np.nan if dtype == "float32" else 99, dtype)

    def at(self, location: Location, size: int) -> np.ndarray:
        array = self.memory[location.storage, location.name][location.offset : location.offset + size]
        assert len(array) == size, f"{location} of {size} reaches beyond its storage"
        return array

    def value(self, name: str) -> np.ndarray:
        return self.at(self.plan.locations[name], self.graph.values[name].size)

    def step(self, frames: tuple[np.ndarray, ...]) -> np.ndarray:
        for port, frame in zip(self.graph.inputs, frames, strict=True):
            self.memory["input", port.name] = frame.ravel()
        for node in self.graph.nodes:
            self.run(node)
        for copy in (*self.plan.output_copies, *self.plan.state_copies):
            self.at(copy.target, copy.size)[:] = self.at(copy.source, copy.size)
        return np.concatenate([self.memory["output", p.name] for p in self.graph.outputs])

    def run(self, node: Node) -> None:
        """A node destroys its workspace first, then writes its results where nothing but in-place operands lie."""
        if len(node.outputs) == 1:
            operand, result = self.graph.values[node.inputs[0]], self.graph.values[node.outputs[0]]
            if alias_offset(node.op, operand, result) is not None:
                return
        carried = {i for i, _ in node.op.carried}
        if node.name in self.plan.workspaces:
            needed = workspace(node.op, node, self.graph)
            self.at(self.plan.workspaces[node.name], needed[1] if isinstance(needed, tuple) else needed)[:] = np.nan
        self.require_apart(node)
        operands = []
        for k, name in enumerate(node.inputs):
            array = self.value(name).reshape(self.graph.values[name].shape).copy()
            operands.append(array if name in self.graph.constants or k in carried else array[None])
        for name, result in zip(node.outputs, node.op.reference(*operands), strict=True):
            self.value(name)[:] = np.ravel(result)

    def require_apart(self, node: Node) -> None:
        """Results overlap neither each other nor operands, but for whole operands that the kernel allows."""
        allowed = set(in_place(node.op, node, self.graph))
        for j, name in enumerate(node.outputs):
            result = self.value(name)
            for k, other in enumerate(node.inputs):
                operand = self.value(other)
                if np.shares_memory(result, operand):
                    assert (k, j) in allowed
                    assert self.plan.locations[name] == self.plan.locations[other] and result.size == operand.size
            for other in node.outputs[:j]:
                assert not np.shares_memory(result, self.value(other))


def plan_for_c(graph: Graph) -> MemoryPlan:
    return plan_memory(graph, lambda n, g: in_place(n.op, n, g), lambda n, g: workspace(n.op, n, g))


def check(case: Case) -> MemoryPlan:
    graph = dequantized(case.graph)
    plan = plan_for_c(graph)
    machine = Machine(graph, plan)
    outputs, states = reference_run(case)
    for want, frames in zip(outputs, case.frames, strict=True):
        flat = np.concatenate([np.ravel(y) for y in want])
        np.testing.assert_allclose(machine.step(frames), flat, rtol=1e-6, atol=1e-6)
    for want, state in zip(states, case.graph.states, strict=True):
        np.testing.assert_allclose(machine.memory["state", state.name], want.ravel(), rtol=1e-6, atol=1e-6)
    return plan


@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_every_op_case_runs_in_planned_memory(case: Case) -> None:
    check(case)


def rotation(count: int) -> Case:
    case = CaseBuilder(f"rotation_{count}")
    x, states = case.input(3), [case.state(3) for _ in range(count)]
    for k, state in enumerate(states):
        case.carry(state, states[(k + 1) % count])
    return case.done(case.builder.add1(Binary("add"), [x, states[0]]))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_states_rotate_with_one_place_to_spare(count: int) -> None:
    plan = check(rotation(count))
    assert plan.scratch.get("float32", 0) <= 3


def test_shift_register_needs_no_spare_place() -> None:
    case = CaseBuilder("shift")
    x, states = case.input(4), [case.state(4) for _ in range(4)]
    for state, after in zip(states, [x, *states[:-1]], strict=True):
        case.carry(state, after)
    plan = check(case.done(case.builder.add1(Concat(-1), [*states, x])))
    assert plan.scratch == {}
    assert [c.target.name for c in plan.state_copies] == ["s3", "s2", "s1", "s0"]


def test_state_that_an_output_still_needs_is_not_overwritten() -> None:
    case = CaseBuilder("old_state")
    x, s = case.input(4), case.state(4)
    after = case.builder.add1(Binary("add"), [s, x])
    case.carry(s, after)
    plan = check(case.done(case.builder.add1(Reshape((2, 2)), [s])))
    assert plan.locations[after].storage != "state"


def test_result_goes_over_a_state_that_is_read_element_by_element() -> None:
    case = CaseBuilder("accumulate")
    x, s = case.input(4), case.state(4)
    after = case.builder.add1(Binary("add"), [s, x])
    case.carry(s, after)
    plan = check(case.done(case.builder.add1(Unary("tanh"), [after])))
    assert plan.locations[after] == Location("state", "s0")
    assert plan.scratch == {}
    assert not plan.state_copies


def test_result_is_not_written_over_a_part_that_is_still_read() -> None:
    """hidden[0] is added to all of hidden: element by element it would be overwritten first."""
    case = CaseBuilder("partial")
    hidden = case.builder.add1(Unary("tanh"), [case.input(4)])
    first = case.builder.add1(Slice(-1, 0, 1), [hidden])
    total = case.builder.add1(Binary("add"), [hidden, first])
    check(case.done(case.builder.add1(Linear(), [total, case.weight(2, 4), case.weight(2)])))


def test_chain_of_elementwise_ops_lives_in_one_place() -> None:
    case = CaseBuilder("chain")
    x = case.input(8)
    for function in ("tanh", "square", "neg", "sigmoid"):
        x = case.builder.add1(Unary(function), [x])
    plan = check(case.done(case.builder.add1(Linear(), [x, case.weight(3, 8), case.weight(3)])))
    assert plan.scratch == {"float32": 8}


def test_one_value_may_be_two_states_and_two_outputs() -> None:
    case = CaseBuilder("shared")
    x, a, b = case.input(4), case.state(4), case.state(4)
    after = case.builder.add1(Binary("sub"), [case.builder.add1(Binary("add"), [a, x]), b])
    case.carry(a, after)
    case.carry(b, after)
    check(case.done(after, after, a))


def test_arenas_of_different_types_are_separate() -> None:
    graph = Graph("types")
    builder = Builder(graph)
    for dtype in ("float32", "int32"):
        x = builder.value(f"x_{dtype}", ValueType(dtype, (2, 3), StreamInfo()))
        graph.inputs.append(Port(x, (2, 3), dtype, value=x))
        part = builder.add1(Slice(-1, 0, 2), [x])
        y = builder.add1(Concat(-1), [part, part])
        graph.outputs.append(Port(f"y_{dtype}", (2, 4), dtype, value=y))
    plan = plan_for_c(graph)
    assert plan.scratch == {"float32": 4, "int32": 4}
    assert plan.scratch_bytes == 32


Step = Callable[[CaseBuilder, list[str], np.random.Generator], str]


def pick(values: list[str], rng: np.random.Generator) -> str:
    return values[int(rng.integers(len(values)))]


STEPS: list[Step] = [
    lambda c, v, r: c.builder.add1(Binary(str(r.choice(["add", "sub", "mul"]))), [pick(v, r), pick(v, r)]),
    lambda c, v, r: c.builder.add1(Unary(str(r.choice(["tanh", "neg", "sigmoid"]))), [pick(v, r)]),
    lambda c, v, r: c.builder.add1(Linear(), [pick(v, r), c.weight(6, 6, scale=0.2), c.weight(6)]),
    lambda c, v, r: c.builder.add1(Reshape((6,)), [c.builder.add1(Reshape((2, 3)), [pick(v, r)])]),
    lambda c, v, r: c.builder.add1(Slice(-1, 1, 7), [c.builder.add1(Concat(-1), [pick(v, r), pick(v, r)])]),
    lambda c, v, r: c.builder.add1(
        Gru(6), [pick(v, r), pick(v, r), c.weight(18, 6), c.weight(18, 6), c.weight(18), c.weight(18)]
    ),
]
"""Each adds an op over values of six elements."""


def random_case(seed: int, nodes: int, states: int) -> Case:
    """Random ops, every state carried to a random value, some values put out."""
    rng = np.random.default_rng(seed)
    case = CaseBuilder(f"random_{seed}_{nodes}_{states}")
    values = [case.input(6), *(case.state(6) for _ in range(states))]
    held = values[1:]
    for _ in range(nodes):
        values.append(STEPS[int(rng.integers(len(STEPS)))](case, values, rng))
    for state in held:
        case.carry(state, pick(values, rng))
    return case.done(*(pick(values, rng) for _ in range(int(rng.integers(1, 4)))))


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 4))
def test_random_programs_run_in_planned_memory(seed: int, nodes: int, states: int) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        case = random_case(seed, nodes, states)
        plan = check(case)
    separate = sum(math.prod(case.graph.values[o].shape) for n in case.graph.nodes for o in n.outputs)
    assert plan.scratch.get("float32", 0) <= separate + 6 * states


def test_generated_code_has_the_plan_of_its_program() -> None:
    assert Program(rotation(3).graph, 1).plan.scratch_bytes == 12
