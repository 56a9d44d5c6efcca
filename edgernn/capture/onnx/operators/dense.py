"""Products, convolution and normalisation.

Source: https://onnx.ai/onnx/operators
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from edgernn.capture.onnx.operators.table import Operator
from edgernn.capture.onnx.values import OnnxNode, Value, tensor, together


def gemm(node: OnnxNode, a: Value, b: Value, c: Value | None = None) -> Value:
    x, w = together(a, b)
    x = x.t() if node.attr("transA", 0) else x
    w = (w if node.attr("transB", 0) else w.t()) * node.attr("alpha", 1.0)
    bias = None if c is None else tensor(c, x) * node.attr("beta", 1.0)
    if bias is not None and (bias.ndim == 1 or (bias.ndim == 2 and bias.shape[0] == 1)) and bias.shape[-1] == len(w):
        return F.linear(x, w, bias.reshape(-1))
    y = F.linear(x, w)
    return y if bias is None else y + bias


def matmul(node: OnnxNode, a: Value, b: Value) -> Value:
    x, y = together(a, b)
    return torch.matmul(x, y)


def einsum(node: OnnxNode, *values: Value) -> Value:
    return torch.einsum(node.attr("equation"), *together(*values))


def conv(node: OnnxNode, x: Value, weight: Value, bias: Value | None = None) -> Value:
    y, w = together(x, weight)
    dims = w.ndim - 2
    strides, dilations = node.attr("strides", [1] * dims), node.attr("dilations", [1] * dims)
    pads = _pads(node, y, list(w.shape[2:]), strides, dilations)
    before, after = pads[:dims], pads[dims:]
    padding = list(before)
    if before != after:
        y = F.pad(y, [n for pair in zip(reversed(before), reversed(after), strict=True) for n in pair])
        padding = [0] * dims
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}.get(dims)
    if function is None:
        node.refuse(f"convolution over {dims} axes")
    return function(
        y, w, tensor(bias, y) if bias is not None else None, strides, padding, dilations, node.attr("group", 1)
    )


def conv_transpose(node: OnnxNode, x: Value, weight: Value, bias: Value | None = None) -> Value:
    y, w = together(x, weight)
    dims = w.ndim - 2
    pads = node.attr("pads", [0] * 2 * dims)
    if pads[:dims] != pads[dims:] or node.attr("auto_pad", "NOTSET") != "NOTSET" or node.attr("output_shape"):
        node.refuse("transposed convolution with uneven padding", "pad both sides alike, and cut the result")
    function = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[dims]
    return function(
        y, w, tensor(bias, y) if bias is not None else None, node.attr("strides", [1] * dims), pads[:dims],
        node.attr("output_padding", [0] * dims), node.attr("group", 1), node.attr("dilations", [1] * dims),
    )  # fmt: skip


def _pads(node: OnnxNode, x: torch.Tensor, kernel: list[int], strides: list[int], dilations: list[int]) -> list[int]:
    """Entries before, then after, along each axis."""
    mode = node.attr("auto_pad", "NOTSET")
    if mode in ("NOTSET", "VALID"):
        given = None if mode == "VALID" else node.attr("pads")
        return list(given or [0] * 2 * len(kernel))
    sizes = x.shape[2:]
    totals = [
        max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
        for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)
    ]
    small, large = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return small + large if mode == "SAME_UPPER" else large + small


def max_pool(node: OnnxNode, x: Value) -> Value:
    y, kernel = tensor(x), node.attr("kernel_shape")
    strides, dilations = node.attr("strides", [1] * len(kernel)), node.attr("dilations", [1] * len(kernel))
    pads = _pads(node, y, kernel, strides, dilations)
    before, after = pads[: len(kernel)], pads[len(kernel) :]
    if before != after:
        node.refuse("max pooling with uneven padding", "pad both sides alike")
    if len(node.outputs) > 1:
        node.refuse("it gives positions too", "drop its second output")
    function = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[len(kernel)]
    return function(y, kernel, strides, before, dilations, bool(node.attr("ceil_mode", 0)))


def average_pool(node: OnnxNode, x: Value) -> Value:
    y, kernel = tensor(x), node.attr("kernel_shape")
    strides, ones = node.attr("strides", [1] * len(kernel)), [1] * len(kernel)
    pads = _pads(node, y, kernel, strides, ones)
    before, after = pads[: len(kernel)], pads[len(kernel) :]
    if before != after or node.attr("dilations", ones) != ones:
        node.refuse("average pooling with uneven padding or dilation", "pad both sides alike")
    function = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(kernel)]
    return function(
        y, kernel, strides, before, bool(node.attr("ceil_mode", 0)), bool(node.attr("count_include_pad", 0))
    )


def batch_norm(node: OnnxNode, x: Value, scale: Value, bias: Value, mean: Value, variance: Value) -> Value:
    if node.attr("training_mode", 0):
        node.refuse("it normalises by the batch", "export the model in evaluation mode")
    y, *constants = together(x, scale, bias, mean, variance)
    weight, shift, center, spread = constants
    return F.batch_norm(y, center, spread, weight, shift, False, 0.0, node.attr("epsilon", 1e-5))


def layer_norm(node: OnnxNode, x: Value, scale: Value, bias: Value | None = None) -> Value:
    y, weight = together(x, scale)
    axis = node.attr("axis", -1) % y.ndim
    sizes = list(y.shape[axis:])
    shift = None if bias is None else tensor(bias, y).expand(sizes)
    return F.layer_norm(y, sizes, weight.expand(sizes), shift, node.attr("epsilon", 1e-5))


def group_norm(node: OnnxNode, x: Value, scale: Value, bias: Value) -> Value:
    y, weight, shift = together(x, scale, bias)
    return F.group_norm(y, node.attr("num_groups"), weight, shift, node.attr("epsilon", 1e-5))


def instance_norm(node: OnnxNode, x: Value, scale: Value, bias: Value) -> Value:
    y, weight, shift = together(x, scale, bias)
    return F.instance_norm(y, None, None, weight, shift, True, 0.0, node.attr("epsilon", 1e-5))


def softmax(node: OnnxNode, x: Value) -> Value:
    """Until operator set 13 over all axes from ``axis`` on together, since then over one."""
    y, function = tensor(x), F.log_softmax if node.op == "LogSoftmax" else F.softmax
    if node.opset >= 13:
        return function(y, node.attr("axis", -1))
    axis = node.attr("axis", 1) % y.ndim
    if all(n == 1 for n in y.shape[axis + 1 :]):
        return function(y, axis)
    if all(n == 1 for n in y.shape[axis:-1]):
        return function(y, -1)
    flat = y.reshape(*y.shape[:axis], -1)
    return function(flat, -1).reshape(y.shape)


OPERATORS: dict[str, Operator] = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Einsum": einsum,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "Softmax": softmax,
    "LogSoftmax": softmax,
}
