"""Which ONNX form of a recurrent step is fastest in ONNX Runtime.

    python -m benchmarks.onnx_forms [--json results.json]

Forms: the LSTM, GRU or RNN operator with one time step; the same written out around MatMul and Add on
(1, 1, n); and around Gemm on (1, n). The rule of ``edgernn.export.onnx.recurrent`` (operators wherever they
exist) stands on this measurement. States are bound in place, one thread; ratios are to the operator.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.report import console, machine, show_table, write_json
from benchmarks.timing import interleaved_us, medians
from edgernn.export.onnx.matrix import reorder
from edgernn.export.onnx.model import IR_VERSION, OPSET
from edgernn.export.onnx.recurrent import GRU_ORDER, LSTM_ORDER, WRITTEN_OUT_ORDER
from edgernn.ir.op import Array

SIZES = ((8, 8), (16, 16), (32, 32), (40, 64), (64, 128), (128, 256))
"""(inputs, hidden)."""

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
FORMS = ("operator", "matmul", "gemm")


class Step:
    """The ONNX graph of one recurrent layer in one form; the random weights are those of the other forms."""

    def __init__(self, cell: str, inputs: int, hidden: int, form: str) -> None:
        self.hidden, self.form = hidden, form
        self.lead = [1] if form == "gemm" else [1, 1]
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.states = ["h", "c"] if cell == "lstm" else ["h"]
        rng, rows = np.random.default_rng(hidden), GATES[cell] * hidden
        shapes = ((rows, inputs), (rows, hidden), (rows,), (rows,))
        w_ih, w_hh, b_ih, b_hh = (rng.uniform(-1, 1, s).astype(np.float32) * hidden**-0.5 for s in shapes)
        written: dict[str, Callable[..., None]] = {"lstm": self.lstm, "gru": self.gru, "rnn": self.rnn}
        build = self.operator(cell) if form == "operator" else written[cell]
        build(w_ih, w_hh, b_ih, b_hh)
        body = helper.make_graph(
            self.nodes, form,
            [self.info("x", inputs), *(self.info(s, hidden) for s in self.states)],
            [self.info(f"{s}_next", hidden) for s in self.states],
            self.initializers,
        )  # fmt: skip
        self.model = helper.make_model(
            body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )

    def info(self, name: str, size: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [*self.lead, size])

    def constant(self, array: Array) -> str:
        name = f"k{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def op(self, kind: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        output = to or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def split(self, value: str, *parts: int) -> list[str]:
        outputs = [f"t{len(self.nodes)}_{k}" for k in range(len(parts))]
        sizes = self.constant(np.array([p * self.hidden for p in parts]))
        self.nodes.append(helper.make_node("Split", [value, sizes], outputs, axis=-1))
        return outputs

    def affine(self, value: str, weight: Array, bias: Array) -> str:
        if self.form == "gemm":
            return self.op("Gemm", value, self.constant(weight.T), self.constant(bias))
        return self.op("Add", self.op("MatMul", value, self.constant(weight.T)), self.constant(bias))

    def operator(self, cell: str) -> Callable[..., None]:
        order = {"lstm": LSTM_ORDER, "gru": GRU_ORDER, "rnn": (0,)}[cell]

        def build(*weights: Array) -> None:
            w_ih, w_hh, b_ih, b_hh = (reorder(w, order) for w in weights)
            operands = [self.constant(a[None]) for a in (w_ih, w_hh, np.concatenate([b_ih, b_hh]))]
            outputs = ["", *(f"{s}_next" for s in self.states)]
            attributes = {"hidden_size": self.hidden, **({"linear_before_reset": 1} if cell == "gru" else {})}
            node = helper.make_node(cell.upper(), ["x", *operands, "", *self.states], outputs, **attributes)
            self.nodes.append(node)

        return build

    def lstm(self, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> None:
        """Gate order i f o g: one Sigmoid for three gates."""
        weight, bias = (reorder(a, WRITTEN_OUT_ORDER) for a in (np.concatenate([w_ih, w_hh], 1), b_ih + b_hh))
        ifo, g = self.split(self.affine(self.op("Concat", "x", "h", axis=-1), weight, bias), 3, 1)
        i, f, o = self.split(self.op("Sigmoid", ifo), 1, 1, 1)
        added = self.op("Mul", i, self.op("Tanh", g))
        c = self.op("Add", self.op("Mul", f, "c"), added, to="c_next")
        self.op("Mul", o, self.op("Tanh", c), to="h_next")

    def gru(self, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> None:
        rz_x, n_x = self.split(self.affine("x", w_ih, b_ih), 2, 1)
        rz_h, n_h = self.split(self.affine("h", w_hh, b_hh), 2, 1)
        r, z = self.split(self.op("Sigmoid", self.op("Add", rz_x, rz_h)), 1, 1)
        n = self.op("Tanh", self.op("Add", n_x, self.op("Mul", r, n_h)))
        self.op("Add", n, self.op("Mul", z, self.op("Sub", "h", n)), to="h_next")

    def rnn(self, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> None:
        both = self.op("Concat", "x", "h", axis=-1)
        self.op("Tanh", self.affine(both, np.concatenate([w_ih, w_hh], 1), b_ih + b_hh), to="h_next")

    def runner(self) -> tuple[Callable[[Any], None], list[list[Array]]]:
        """A step with states bound in place, and these states, which must live as long: those after an even
        number of steps, h first, then those after an odd number."""
        onnx.checker.check_model(self.model, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            self.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        x = np.zeros(session.get_inputs()[0].shape, np.float32)
        sides = [[np.zeros([*self.lead, self.hidden], np.float32) for _ in self.states] for _ in range(2)]
        bindings = []
        for before, after in (sides, sides[::-1]):
            binding = session.io_binding()
            for name, array in zip(["x", *self.states], [x, *before], strict=True):
                binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
            for name, array in zip(self.states, after, strict=True):
                binding.bind_output(f"{name}_next", "cpu", 0, np.float32, array.shape, array.ctypes.data)
            bindings.append(binding)

        def step(frame: Array) -> None:
            x[...] = frame
            session.run_with_iobinding(bindings[0])
            bindings.reverse()

        return step, sides


def measure(cell: str, inputs: int, hidden: int, rounds: int) -> dict[str, float]:
    """Median microseconds of each form. Raises click.ClickException where forms disagree."""
    block = list(np.random.default_rng(1).standard_normal((16, inputs)).astype(np.float32))
    steps, states, results = {}, [], []
    for form in FORMS:
        steps[form], state = Step(cell, inputs, hidden, form).runner()
        for frame in block:
            steps[form](frame)
        states.append(state)
        results.append(state[0][0].reshape(-1).copy())
    worst = max(float(np.abs(r - results[0]).max()) for r in results)
    if not worst < 1e-5:
        raise click.ClickException(f"{cell} {inputs}->{hidden}: the forms differ by {worst:.2g}")
    return medians(interleaved_us(steps, dict.fromkeys(steps, block), rounds))


@click.command(help=__doc__)
@click.option("--rounds", default=40, show_default=True, type=click.IntRange(3), help="Bursts of each form.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(rounds: int, json_path: Path | None) -> None:
    """See the module."""
    results: dict[str, dict[str, float]] = {}
    rows = []
    for cell in GATES:
        for inputs, hidden in SIZES:
            us = results[f"{cell}_{inputs}_{hidden}"] = measure(cell, inputs, hidden, rounds)
            ratios = [f"{us[form]:.1f} ({us[form] / us['operator']:.2f})" for form in FORMS[1:]]
            rows.append([f"{cell.upper()}({inputs}->{hidden})", f"{us['operator']:.1f}", *ratios])
    show_table(f"Forms of one step, {machine()}", ["layer", "operator, us", "MatMul", "Gemm"], rows)
    console.print(f"onnxruntime {onnxruntime.__version__}, opset {OPSET}")
    write_json({"machine": machine(), "us": results}, json_path)


if __name__ == "__main__":
    main()
