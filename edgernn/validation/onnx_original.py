"""An ONNX file in ONNX Runtime, which is changed only where that could not run it otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper

from edgernn.capture import first_line
from edgernn.capture.onnx import OnnxCall, OnnxModel
from edgernn.errors import MissingExtraError, UsageError, ValidationError
from edgernn.ir.op import Array


class Original:
    """The file in ONNX Runtime, on one thread."""

    def __init__(self, model: OnnxModel) -> None:
        self.call: OnnxCall = model.call
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("onnxruntime", "onnxruntime", "the proof of a model read from ONNX") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Further optimisations round: products with weights that DequantizeLinear restores are then made in integers.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        data = with_time_first(with_free_time(model.proto, model.call)).SerializeToString()
        try:
            self.session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise UsageError(f"{model.file}: ONNX Runtime cannot load it: {first_line(error)}") from error
        self.dtypes = {i.name: _NUMPY.get(i.type, "float32") for i in self.session.get_inputs()}

    def run(self, arguments: list[Array], length: int) -> list[torch.Tensor]:
        """Results in the order of ``OnnxCall.results``. Raises ValidationError where the file fails."""
        feeds = dict(zip(self.call.names, arguments, strict=True)) | self.call.companions(length)
        feeds = {name: np.asarray(a, self.dtypes[name]) for name, a in feeds.items() if name in self.dtypes}
        try:
            found = self.session.run(list(self.call.results), feeds)
        except Exception as error:
            raise ValidationError(
                f"the ONNX file fails on a sequence of {length} frames: {first_line(error)}\n  what to do: export it "
                "with a free axis of time (dynamic_axes, dynamic_shapes)"
            ) from error
        return [torch.from_numpy(np.array(a)) for a in found]


_NUMPY = {"tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(double)": "float64", "tensor(bool)": "bool"}
"""Types of inputs of ONNX Runtime other than float32."""


def with_free_time(proto: onnx.ModelProto, call: OnnxCall) -> onnx.ModelProto:
    """The file with the axis of time free where the user says that there is one, and nothing said of inner shapes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    times = {name: spec.time for name, spec in zip(call.names, call.specs, strict=True) if spec.time is not None}
    changed = False
    for info in copy.graph.input:
        axis = times.get(info.name)
        if axis is not None and info.type.tensor_type.shape.dim[axis].HasField("dim_value"):
            info.type.tensor_type.shape.dim[axis].dim_param = "T"
            changed = True
    if changed:
        del copy.graph.value_info[:]
        for info in copy.graph.output:
            info.type.tensor_type.ClearField("shape")
    return copy


STATES_FIRST, FRAMES_FIRST = [1, 0, 2], [2, 0, 1, 3]
"""Orders of axes between layout 0 and layout 1, of frames and states, and of Y."""


def with_time_first(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The file with ``layout`` 1 of recurrent operators, which ONNX Runtime lacks, said by Transpose."""
    nodes = list(proto.graph.node)
    if not any(a.name == "layout" and a.i for node in nodes for a in node.attribute):
        return proto
    changed = [made for node in nodes for made in _time_first(node)]
    del proto.graph.node[:], proto.graph.value_info[:]
    proto.graph.node.extend(changed)
    return proto


def _time_first(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    layout = next((a for a in node.attribute if a.name == "layout"), None)
    if layout is None or not layout.i:
        yield node
        return
    node.attribute.remove(layout)
    for k in (k for k in (0, 5, 6) if k < len(node.input) and node.input[k]):
        name = f"{node.name}_time_first_{k}"
        yield helper.make_node("Transpose", [node.input[k]], [name], perm=STATES_FIRST)
        node.input[k] = name
    after: list[Any] = []
    for k, output in enumerate(node.output):
        if output:
            name = f"{node.name}_batch_second_{k}"
            after.append(helper.make_node("Transpose", [name], [output], perm=STATES_FIRST if k else FRAMES_FIRST))
            node.output[k] = name
    yield node
    yield from after
