"""Which ONNX form of an integer recurrent step is fastest in ONNX Runtime, and what each loses.

    python -m benchmarks.onnx_integer_forms [--json results.json]

All forms have int16 frames and states and int8 weights with a scale for each row:

operator      Cast and Mul bring the weights to float32, which ONNX Runtime does once, at load; LSTM or GRU operator
dequantize    DequantizeLinear brings the weights to float32, which ONNX Runtime does at each step; the same operator
bytes         MatMulInteger of the upper and lower bytes of int16 activations: exact sums; gates in float32
qdq           activations of 8 bits with a fixed scale, QuantizeLinear and DequantizeLinear around MatMul, which ONNX
              Runtime makes a product of integers; gates in float32
dynamic       MatMulInteger of activations of 8 bits, quantized at each step; gates in float32
dynamic_lstm  DynamicQuantizeLSTM, an operator of ONNX Runtime alone

QLinearMatMul is not among them: its results have 8 bits, too few for gates. Weights of integer products are uint8 less
128, because ONNX Runtime computes uint8 times int8 with saturation on x86 without VNNI (its pull request 12088).

Times are of one step with states bound in place, one thread; the error is that of h over 500 steps with its state
carried, against float64 with the weights before quantization. The rule of ``edgernn.export.onnx.integer`` stands
on this measurement.
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
from edgernn.export.onnx.recurrent import GRU_ORDER, LSTM_ORDER
from edgernn.ir.op import Array

SIZES = ((8, 8), (16, 32), (40, 64), (64, 128), (128, 256), (256, 512))
"""(inputs, hidden)."""

GATES = {"lstm": 4, "gru": 3}
FORMS = {
    "lstm": ("operator", "dequantize", "bytes", "qdq", "dynamic", "dynamic_lstm"),
    "gru": ("operator", "dequantize", "bytes", "qdq", "dynamic"),
}
OPSET, IR_VERSION = 21, 10
FRAME_SCALE, STATE_SCALE, CELL_SCALE = 4 / 32767, 2.0**-15, 2.0**-12
ERROR_STEPS = 500


class Layer:
    """Random weights of one layer, and their int8 form. Gate order i f g o or r z n."""

    def __init__(self, cell: str, inputs: int, hidden: int) -> None:
        self.cell, self.inputs, self.hidden = cell, inputs, hidden
        rng, rows = np.random.default_rng(hidden), GATES[cell] * hidden
        shapes = ((rows, inputs), (rows, hidden), (rows,), (rows,))
        self.w_ih, self.w_hh, self.b_ih, self.b_hh = (rng.uniform(-1, 1, s) * hidden**-0.5 for s in shapes)
        self.frames = np.clip(rng.standard_normal((ERROR_STEPS, inputs)) / FRAME_SCALE, -32767, 32767).astype(np.int16)

    def quantized(self) -> list[tuple[Array, Array]]:
        """int8 and scale of the rows of w_ih and w_hh."""
        scales = [np.abs(w).max(axis=1) / 127 for w in (self.w_ih, self.w_hh)]
        pairs = zip((self.w_ih, self.w_hh), scales, strict=True)
        return [(np.round(w / s[:, None]).astype(np.int8), s.astype(np.float32)) for w, s in pairs]

    def exact(self) -> Array:
        """h of every step in float64."""
        h, c, found = np.zeros(self.hidden), np.zeros(self.hidden), []
        for x in self.frames * FRAME_SCALE:
            a, b = self.w_ih @ x + self.b_ih, self.w_hh @ h + self.b_hh
            if self.cell == "lstm":
                i, f, g, o = np.split(a + b, 4)
                c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
                h = _sigmoid(o) * np.tanh(c)
            else:
                (r_a, z_a, n_a), (r_b, z_b, n_b) = np.split(a, 3), np.split(b, 3)
                z, n = _sigmoid(z_a + z_b), np.tanh(n_a + _sigmoid(r_a + r_b) * n_b)
                h = n + z * (h - n)
            found.append(h)
        return np.stack(found)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


class Step:
    """The ONNX graph of one layer in one form."""

    def __init__(self, layer: Layer, form: str) -> None:
        self.layer, self.form = layer, form
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.states = {"h": STATE_SCALE, "c": CELL_SCALE} if layer.cell == "lstm" else {"h": STATE_SCALE}
        x = self.real("x", FRAME_SCALE)
        states = [self.real(name, scale) for name, scale in self.states.items()]
        written = self.lstm if layer.cell == "lstm" else self.gru
        after = self.operator(x, states) if form in ("operator", "dequantize", "dynamic_lstm") else written(x, states)
        for value, (name, scale) in zip(after, self.states.items(), strict=True):
            zero = self.constant(np.zeros((), np.int16))
            self.op("QuantizeLinear", value, self.scalar(scale), zero, to=f"{name}_next")
        body = helper.make_graph(
            self.nodes, form,
            [self.info("x", layer.inputs), *(self.info(s, layer.hidden) for s in self.states)],
            [self.info(f"{s}_next", layer.hidden) for s in self.states],
            self.initializers,
        )  # fmt: skip
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
        self.model = helper.make_model(body, opset_imports=opsets, ir_version=IR_VERSION)

    def info(self, name: str, size: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.INT16, [1, 1, size])

    def constant(self, array: Array) -> str:
        name = f"k{len(self.initializers)}"
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def scalar(self, value: float) -> str:
        return self.constant(np.asarray(value, np.float32))

    def op(self, kind: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        output = to or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def split(self, value: str, *parts: int) -> list[str]:
        outputs = [f"t{len(self.nodes)}_{k}" for k in range(len(parts))]
        sizes = self.constant(np.array([p * self.layer.hidden for p in parts]))
        self.nodes.append(helper.make_node("Split", [value, sizes], outputs, axis=-1))
        return outputs

    def real(self, name: str, scale: float) -> str:
        return self.op("Mul", self.cast(name, TensorProto.FLOAT), self.scalar(scale))

    def weights(self, order: tuple[int, ...]) -> list[str]:
        found = []
        for w, scale in self.layer.quantized():
            w, scale = reorder(w, order)[None], reorder(scale, order)[None, :, None]
            if self.form == "operator":
                found.append(self.op("Mul", self.cast(self.constant(w), TensorProto.FLOAT), self.constant(scale)))
            else:
                found.append(self.op("DequantizeLinear", self.constant(w[0]), self.constant(scale.ravel()), axis=0))
                found[-1] = self.op("Unsqueeze", found[-1], self.constant(np.zeros(1, np.int64)))
        return found

    def operator(self, x: str, states: list[str]) -> list[str]:
        order = LSTM_ORDER if self.layer.cell == "lstm" else GRU_ORDER
        pair = (self.layer.b_ih, self.layer.b_hh)
        biases = np.concatenate([reorder(b, order) for b in pair])[None].astype(np.float32)
        outputs = ["", *(f"real_{name}" for name in self.states)]
        attributes: dict[str, Any] = {"hidden_size": self.layer.hidden}
        if self.form == "dynamic_lstm":
            operands = [x, *self._transposed(order), self.constant(biases), "", *states, "", *self._row_scales(order)]
            node = helper.make_node("DynamicQuantizeLSTM", operands, outputs, domain="com.microsoft", **attributes)
        else:
            if self.layer.cell == "gru":
                attributes["linear_before_reset"] = 1
            operands = [x, *self.weights(order), self.constant(biases), "", *states]
            node = helper.make_node(self.layer.cell.upper(), operands, outputs, **attributes)
        self.nodes.append(node)
        return outputs[1:]

    def _transposed(self, order: tuple[int, ...]) -> list[str]:
        return [self.constant(reorder(w, order).T[None]) for w, _ in self.layer.quantized()]

    def _row_scales(self, order: tuple[int, ...]) -> list[str]:
        names = []
        for _, scale in self.layer.quantized():
            names += [self.constant(reorder(scale, order)[None]), self.constant(np.zeros((1, len(scale)), np.int8))]
        return names

    def product(self, name: str, x: str, k: int) -> str:
        """The product of the frame or of h with its weights, and its bias, in float32 (1, 1, rows)."""
        w, scale = self.layer.quantized()[k]
        bias = self.constant((self.layer.b_ih, self.layer.b_hh)[k].astype(np.float32)[None, None])
        if self.form == "bytes":
            total = self.exact_sum(name, w)
            unit = self.constant(scale * np.float32((FRAME_SCALE, STATE_SCALE)[k]))
            return self.op("Add", self.op("Mul", total, unit), bias)
        if self.form == "qdq":
            unit, zero = self.scalar((FRAME_SCALE * 256, 1 / 127)[k]), self.constant(np.asarray(128, np.uint8))
            rounded = self.op("DequantizeLinear", self.op("QuantizeLinear", x, unit, zero), unit, zero)
            matrix, zeros = self.unsigned(w), self.constant(np.full(len(scale), 128, np.uint8))
            matrix = self.op("DequantizeLinear", matrix, self.constant(scale), zeros, axis=1)
            return self.op("Add", self.op("MatMul", rounded, matrix), bias)
        names = [f"t{len(self.nodes)}_{part}" for part in ("x", "scale", "zero")]
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [x], names))
        zero = self.constant(np.asarray(128, np.uint8))
        total = self.op("MatMulInteger", names[0], self.unsigned(w), names[2], zero)
        unit = self.op("Mul", names[1], self.constant(scale))
        return self.op("Add", self.op("Mul", self.cast(total, TensorProto.FLOAT), unit), bias)

    def unsigned(self, w: Array) -> str:
        """The transpose of ``w`` as uint8."""
        return self.constant((w.T.astype(np.int16) + 128).astype(np.uint8))

    def cast(self, value: str, to_type: int) -> str:
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node("Cast", [value], [output], to=to_type))
        return output

    def exact_sum(self, name: str, w: Array) -> str:
        """w times int16 as float32 of two exact sums: of upper bytes, and of lower ones less 128 each."""
        zero, shape = self.constant(np.asarray(128, np.uint8)), self.constant(np.array([1, 2, -1]))
        bits = self.op("Add", self.cast(name, TensorProto.INT32), self.constant(np.asarray(32768 + 128, np.int32)))
        upper = self.op("Div", bits, self.constant(np.asarray(256, np.int32)))
        lower = self.op("Sub", bits, self.op("Mul", upper, self.constant(np.asarray(256, np.int32))))
        both = self.op("Clip", self.op("Concat", upper, lower, axis=1), "", self.constant(np.asarray(255, np.int32)))
        both = self.op("Reshape", self.cast(both, TensorProto.UINT8), shape)
        sums = self.cast(self.op("MatMulInteger", both, self.unsigned(w), zero, zero), TensorProto.FLOAT)
        weights = self.constant(np.array([[[256.0, 1.0]]], np.float32))
        return self.op("MatMul", weights, sums)

    def lstm(self, x: str, states: list[str]) -> list[str]:
        """Gate order i f g o."""
        h, c = states
        total = self.op("Add", self.product("x", x, 0), self.product("h", h, 1))
        i, f, g, o = self.split(total, 1, 1, 1, 1)
        i, f, o = (self.op("Sigmoid", v) for v in (i, f, o))
        c_next = self.op("Add", self.op("Mul", f, c), self.op("Mul", i, self.op("Tanh", g)))
        return [self.op("Mul", o, self.op("Tanh", c_next)), c_next]

    def gru(self, x: str, states: list[str]) -> list[str]:
        """Gate order r z n."""
        (h,) = states
        rz_x, n_x = self.split(self.product("x", x, 0), 2, 1)
        rz_h, n_h = self.split(self.product("h", h, 1), 2, 1)
        r, z = self.split(self.op("Sigmoid", self.op("Add", rz_x, rz_h)), 1, 1)
        n = self.op("Tanh", self.op("Add", n_x, self.op("Mul", r, n_h)))
        return [self.op("Add", n, self.op("Mul", z, self.op("Sub", h, n)))]

    def runner(self) -> tuple[Callable[[Any], None], list[list[Array]]]:
        """A step with states bound in place, and these states: those that it reads first, then those it writes."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            self.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        x = np.zeros((1, 1, self.layer.inputs), np.int16)
        sides = [[np.zeros((1, 1, self.layer.hidden), np.int16) for _ in self.states] for _ in range(2)]
        bindings = []
        for before, after in (sides, sides[::-1]):
            binding = session.io_binding()
            for name, array in zip(["x", *self.states], [x, *before], strict=True):
                binding.bind_input(name, "cpu", 0, np.int16, array.shape, array.ctypes.data)
            for name, array in zip(self.states, after, strict=True):
                binding.bind_output(f"{name}_next", "cpu", 0, np.int16, array.shape, array.ctypes.data)
            bindings.append(binding)

        def step(frame: Array) -> None:
            x[...] = frame
            session.run_with_iobinding(bindings[0])
            bindings.reverse()
            sides.reverse()

        return step, sides


def measure(cell: str, inputs: int, hidden: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Median microseconds, and decibels of h over its error, of each form."""
    layer = Layer(cell, inputs, hidden)
    exact, steps, decibels = layer.exact(), {}, {}
    for form in FORMS[cell]:
        steps[form], sides = Step(layer, form).runner()
        found = np.empty_like(exact)
        for t, frame in enumerate(layer.frames):
            steps[form](frame)
            found[t] = sides[0][0].reshape(-1) * STATE_SCALE
        decibels[form] = 10 * float(np.log10(np.mean(exact**2) / np.mean((found - exact) ** 2)))
    us = medians(interleaved_us(steps, {form: list(layer.frames) for form in steps}, rounds))
    return {form: (us[form], decibels[form]) for form in steps}


@click.command(help=__doc__)
@click.option("--rounds", default=30, show_default=True, type=click.IntRange(3), help="Bursts of each form.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(rounds: int, json_path: Path | None) -> None:
    """See the module."""
    results: dict[str, dict[str, tuple[float, float]]] = {}
    columns = ["layer", *FORMS["lstm"]]
    rows = []
    for cell in FORMS:
        for inputs, hidden in SIZES:
            found = results[f"{cell}_{inputs}_{hidden}"] = measure(cell, inputs, hidden, rounds)
            cells = [f"{us:.1f} us, {db:.1f} dB" for us, db in found.values()]
            rows.append([f"{cell.upper()}({inputs}->{hidden})", *cells, *[""] * (len(columns) - 1 - len(cells))])
    show_table(f"Forms of one integer step, {machine()}", columns, rows)
    console.print(f"onnxruntime {onnxruntime.__version__}, opset {OPSET}")
    write_json({"machine": machine(), "us_db": results}, json_path)


if __name__ == "__main__":
    main()
