"""Operations on single frames, around a recurrent layer, as modules and as functions: what test_frame_ops.py checks."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Functions = dict[str, Callable[[Any, Tensor], Tensor]]
Group = tuple[Functions, dict[str, nn.Module]]


class Body(nn.Module):
    """A GRU whose frames [1, T, 8] go through each of ``functions(self, y)``."""

    def __init__(self, functions: Functions, parts: dict[str, nn.Module] | None = None) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 8, batch_first=True)
        self.functions = functions
        self.parts = nn.ModuleDict(parts or {})
        self.weight = nn.Parameter(torch.randn(8, 4))
        self.row = nn.Parameter(torch.randn(8))
        self.register_buffer("mean", torch.randn(8))
        self.register_buffer("std_running_var", torch.rand(8))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y, _ = self.gru(x)
        return {name: function(self, y) for name, function in self.functions.items()}


def group(functions: Functions, parts: dict[str, nn.Module] | None = None) -> Group:
    """Functions that are converted and checked together, and the modules they use."""
    return functions, parts or {}


ACTIVATIONS: dict[str, nn.Module] = {
    "relu": nn.ReLU(),
    "relu_in": nn.ReLU(inplace=True),
    "relu6": nn.ReLU6(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "elu": nn.ELU(0.7),
    "celu": nn.CELU(0.6),
    "selu": nn.SELU(),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU("tanh"),
    "silu": nn.SiLU(),
    "silu_in": nn.SiLU(inplace=True),
    "mish": nn.Mish(),
    "leaky": nn.LeakyReLU(0.2),
    "leaky_in": nn.LeakyReLU(0.1, inplace=True),
    "softplus": nn.Softplus(2.0),
    "softsign": nn.Softsign(),
    "hardtanh": nn.Hardtanh(-0.3, 0.4),
    "hardsigmoid": nn.Hardsigmoid(),
    "hardswish": nn.Hardswish(),
    "hardshrink": nn.Hardshrink(0.2),
    "softshrink": nn.Softshrink(0.2),
    "tanhshrink": nn.Tanhshrink(),
    "logsigmoid": nn.LogSigmoid(),
    "prelu": nn.PReLU(),
    "rrelu": nn.RReLU(),
    "threshold": nn.Threshold(0.0, 0.0),
    "softmax": nn.Softmax(dim=-1),
    "softmax_2": nn.Softmax(dim=2),
    "log_softmax": nn.LogSoftmax(-1),
    "softmin": nn.Softmin(-1),
    "glu": nn.GLU(),
    "identity": nn.Identity(),
    "dropout": nn.Dropout(0.3),
    "alpha": nn.AlphaDropout(0.1),
    "dropout_1d": nn.Dropout1d(0.2),
}


def activation_modules() -> Group:
    parts = {f"part_{name}": module for name, module in ACTIVATIONS.items()}
    return group({name: lambda m, y, n=name: m.parts[f"part_{n}"](y + 0) for name in ACTIVATIONS}, parts)


def activation_functions() -> Group:
    return group(
        {
            "relu": lambda m, y: F.relu(y),
            "relu_m": lambda m, y: y.relu(),
            "relu_in": lambda m, y: (y * 1).relu_(),
            "tanh": lambda m, y: torch.tanh(y),
            "tanh_in": lambda m, y: torch.tanh_(y + 1),
            "f_tanh": lambda m, y: F.tanh(y),
            "sigmoid": lambda m, y: torch.sigmoid(y),
            "f_sigmoid": lambda m, y: F.sigmoid(y),
            "expit": lambda m, y: torch.special.expit(y),
            "elu": lambda m, y: F.elu(y, 0.5),
            "selu": lambda m, y: F.selu(y),
            "gelu": lambda m, y: F.gelu(y, approximate="tanh"),
            "silu": lambda m, y: F.silu(y, inplace=False),
            "swish": lambda m, y: y * torch.sigmoid(y),
            "leaky": lambda m, y: F.leaky_relu(y, 0.3),
            "leaky_d": lambda m, y: F.leaky_relu(y),
            "softplus": lambda m, y: F.softplus(y),
            "hard": lambda m, y: F.hardtanh(y, -0.2, 0.2),
            "hardsigmoid": lambda m, y: F.hardsigmoid(y),
            "hardswish": lambda m, y: F.hardswish(y),
            "log_sigmoid": lambda m, y: F.logsigmoid(y),
            "mish": lambda m, y: F.mish(y),
            "softmax": lambda m, y: F.softmax(y, dim=-1),
            "log_softmax": lambda m, y: torch.log_softmax(y, 2),
            "softmax_m": lambda m, y: y.softmax(-1),
            "glu": lambda m, y: F.glu(y, dim=-1),
            "prelu": lambda m, y: F.prelu(y, m.row[:1]),
            "dropout": lambda m, y: F.dropout(y, 0.5, training=m.training),
            "softsign": lambda m, y: F.softsign(y),
            "normalized": lambda m, y: F.normalize(y, dim=-1),
            "rrelu": lambda m, y: F.rrelu(y),
            "celu": lambda m, y: F.celu(y),
            "clamp": lambda m, y: y.clamp(-0.1, 0.2),
            "clamp_min": lambda m, y: y.clamp(min=0.0),
            "clip": lambda m, y: torch.clip(y, max=0.3),
            "threshold": lambda m, y: F.threshold(y, 0, 0),
            "relu6": lambda m, y: F.relu6(y),
            "softmin": lambda m, y: F.softmin(y, -1),
            "rms": lambda m, y: F.rms_norm(y, (8,), m.row),
            "layer": lambda m, y: F.layer_norm(y, (8,)),
        }
    )


def arithmetic() -> Group:
    return group(
        {
            "add": lambda m, y: y + 1,
            "radd": lambda m, y: 2 + y,
            "sub": lambda m, y: y - 0.5,
            "rsub": lambda m, y: 1 - y,
            "mul": lambda m, y: 3 * y,
            "div": lambda m, y: y / 4,
            "rdiv": lambda m, y: 1 / (y + 3),
            "neg": lambda m, y: -y,
            "square": lambda m, y: y**2,
            "cube": lambda m, y: y**3,
            "root": lambda m, y: (y * y + 1) ** 0.5,
            "inverse": lambda m, y: (y + 3) ** -1,
            "power": lambda m, y: (y.abs() + 1) ** 1.5,
            "base": lambda m, y: 2**y,
            "exp": lambda m, y: torch.exp(y),
            "log": lambda m, y: torch.log(y.abs() + 1),
            "log1p": lambda m, y: torch.log1p(y * y),
            "expm1": lambda m, y: torch.expm1(y),
            "sqrt": lambda m, y: torch.sqrt(y * y + 1),
            "rsqrt": lambda m, y: torch.rsqrt(y * y + 1),
            "sin": lambda m, y: torch.sin(y),
            "cos": lambda m, y: y.cos(),
            "abs": lambda m, y: abs(y),
            "erf": lambda m, y: torch.erf(y),
            "scaled": lambda m, y: y * math.sqrt(8),
            "standard": lambda m, y: (y - m.mean) / m.std_running_var,
            "row": lambda m, y: y * m.row + m.mean,
            "row_1": lambda m, y: y + m.row.view(1, 1, -1),
            "alpha": lambda m, y: torch.add(y, y, alpha=0.5),
            "sub_alpha": lambda m, y: torch.sub(y, m.row, alpha=2),
            "aliases": lambda m, y: torch.multiply(torch.subtract(y, 1), 2).divide(3),
            "true_divide": lambda m, y: torch.true_divide(y, 3),
            "maximum": lambda m, y: torch.maximum(y, m.row),
            "minimum": lambda m, y: torch.minimum(y, -y),
            "max": lambda m, y: torch.max(y, m.mean),
            "lerp": lambda m, y: torch.lerp(y, y * 2, 0.3),
            "lerp_t": lambda m, y: torch.lerp(y, m.mean, torch.sigmoid(y)),
            "addcmul": lambda m, y: torch.addcmul(m.mean, y, m.row, value=0.5),
            "addcdiv": lambda m, y: torch.addcdiv(y, y, m.std_running_var),
            "mean_1": lambda m, y: y - y.mean(-1, keepdim=True),
            "gate": lambda m, y: torch.sigmoid(y) * torch.tanh(y),
            "in_place": lambda m, y: (y * 1).mul_(2).add_(1).sub_(m.row).div_(2),
            "constant": lambda m, y: y * torch.tensor([1.0] * 7 + [0.0]),
            "eye": lambda m, y: y @ torch.eye(8),
            "positive": lambda m, y: +y,
            "float": lambda m, y: y.float() * 1.0,
        }
    )


def augmented_assignment() -> Group:
    def augmented(module: Any, y: Tensor) -> Tensor:
        y = y * 1
        y += module.row
        y *= 2
        y -= 1
        y /= 3
        return y

    return group({"augmented": augmented})


def reductions() -> Group:
    return group(
        {
            "sum": lambda m, y: y.sum(-1),
            "sum_keep": lambda m, y: y.sum(dim=2, keepdim=True),
            "mean": lambda m, y: torch.mean(y, dim=-1),
            "max": lambda m, y: y.max(dim=-1).values,
            "max_0": lambda m, y: torch.max(y, -1, keepdim=True)[0],
            "min": lambda m, y: y.min(-1)[0],
            "amax": lambda m, y: y.amax(-1),
            "amin": lambda m, y: torch.amin(y, dim=-1, keepdim=True),
            "std": lambda m, y: y.std(-1),
            "std_0": lambda m, y: torch.std(y, dim=-1, unbiased=False, keepdim=True),
            "var": lambda m, y: y.var(-1, keepdim=True),
            "var_c": lambda m, y: torch.var(y, dim=-1, correction=0),
            "norm": lambda m, y: y.norm(dim=-1),
            "norm_1": lambda m, y: torch.norm(y, p=1, dim=-1, keepdim=True),
            "vector_norm": lambda m, y: torch.linalg.vector_norm(y, dim=-1),
            "norm_inf": lambda m, y: torch.linalg.norm(y, ord=float("inf"), dim=-1),
            "logsumexp": lambda m, y: torch.logsumexp(y, -1),
            "prod": lambda m, y: (y + 2).prod(-1),
            "cumsum": lambda m, y: y.cumsum(-1),
            "var_mean": lambda m, y: torch.cat(torch.var_mean(y, -1, keepdim=True), -1),
            "two": lambda m, y: y.view(1, -1, 2, 4).mean((2, 3)),
            "cosine": lambda m, y: F.cosine_similarity(y, m.row.expand_as(y), dim=-1),
            "dims": lambda m, y: y.sum((0, 2)),
            "batch": lambda m, y: y.mean(0),
            "distance": lambda m, y: ((y - m.row) ** 2).sum(-1).sqrt(),
            "standard": lambda m, y: (y - y.mean(-1, True)) / (y.std(-1, keepdim=True) + 1e-5),
        }
    )


def products() -> Group:
    parts = {
        "linear": nn.Linear(8, 5),
        "no_bias": nn.Linear(8, 5, bias=False),
        "bilinear": nn.Bilinear(8, 8, 3),
        "narrow": nn.Linear(1, 3),
    }
    return group(
        {
            "linear": lambda m, y: m.parts["linear"](y),
            "no_bias": lambda m, y: m.parts["no_bias"](y),
            "functional": lambda m, y: F.linear(y, m.weight.t()),
            "functional_bias": lambda m, y: F.linear(y, m.weight.t(), m.row[:4]),
            "matmul": lambda m, y: y @ m.weight,
            "torch_matmul": lambda m, y: torch.matmul(y, m.weight) + m.row[:4],
            "vector": lambda m, y: y @ m.row,
            "mm": lambda m, y: torch.mm(y.squeeze(0), m.weight),
            "addmm": lambda m, y: torch.addmm(m.row[:4], y.view(-1, 8), m.weight),
            "bmm": lambda m, y: torch.bmm(y.transpose(0, 1), m.weight.unsqueeze(0).expand(y.size(1), -1, -1)),
            "left": lambda m, y: m.weight.t() @ y.unsqueeze(-1),
            "einsum": lambda m, y: torch.einsum("btf,fo->bto", y, m.weight),
            "einsum_outer": lambda m, y: torch.einsum("bti,btj->btij", y, y),
            "einsum_dot": lambda m, y: torch.einsum("bti,bti->bt", y, y),
            "outer": lambda m, y: y.unsqueeze(-1) @ y.unsqueeze(-2),
            "dot": lambda m, y: (y.unsqueeze(2) @ y.unsqueeze(3)).squeeze(-1).squeeze(-1),
            "bilinear": lambda m, y: m.parts["bilinear"](y, y),
            "narrow": lambda m, y: m.parts["narrow"](y.unsqueeze(-1)),
            "mv": lambda m, y: torch.mv(y[0], m.row),
            "tensordot": lambda m, y: torch.tensordot(y, m.weight, dims=1),
            "inner": lambda m, y: torch.inner(y, m.weight.t()),
            "baddbmm": lambda m, y: torch.baddbmm(y.new_ones(1), y.transpose(0, 1), m.weight.expand(y.size(1), 8, 4)),
            "between": lambda m, y: torch.softmax(y.view(1, -1, 2, 4) @ y.view(1, -1, 4, 2), -1),
        },
        parts,
    )


def normalisations() -> Group:
    parts = {
        "layer_norm": nn.LayerNorm(8),
        "plain_norm": nn.LayerNorm(8, elementwise_affine=False),
        "no_bias_norm": nn.LayerNorm(8, bias=False),
        "two_norm": nn.LayerNorm((2, 4)),
        "rms_norm": nn.RMSNorm(8),
        "rms_eps_norm": nn.RMSNorm(8, eps=1e-3),
        "batch_norm": nn.BatchNorm1d(8),
        "batch_plain_norm": nn.BatchNorm1d(8, affine=False),
        "group_norm": nn.GroupNorm(2, 8),
        "instance": nn.BatchNorm2d(2),
    }
    return group(
        {
            "layer": lambda m, y: m.parts["layer_norm"](y),
            "plain": lambda m, y: m.parts["plain_norm"](y),
            "no_bias": lambda m, y: m.parts["no_bias_norm"](y),
            "two": lambda m, y: m.parts["two_norm"](y.view(1, -1, 2, 4)),
            "rms": lambda m, y: m.parts["rms_norm"](y),
            "rms_eps": lambda m, y: m.parts["rms_eps_norm"](y),
            "batch_transposed": lambda m, y: m.parts["batch_norm"](y.transpose(1, 2)).transpose(1, 2),
            "batch_permuted": lambda m, y: m.parts["batch_norm"](y.permute(0, 2, 1)).permute(0, 2, 1),
            "batch_rows": lambda m, y: m.parts["batch_norm"](y.reshape(-1, 8)),
            "batch_plain": lambda m, y: m.parts["batch_plain_norm"](y.transpose(1, 2)).transpose(1, 2),
            "group_rows": lambda m, y: m.parts["group_norm"](y.reshape(-1, 8)),
            "batch_2d": lambda m, y: m.parts["instance"](y.view(1, -1, 2, 4).permute(0, 2, 1, 3)).permute(0, 2, 1, 3),
        },
        parts,
    )


def shapes() -> Group:
    return group(
        {
            "view": lambda m, y: y.view(1, y.size(1), 2, 4),
            "reshape": lambda m, y: y.reshape(y.shape[0], -1, 4, 2),
            "flatten": lambda m, y: y.view(1, -1, 4, 2).flatten(2),
            "flatten_all": lambda m, y: y.flatten(0, 1),
            "unflatten": lambda m, y: y.unflatten(-1, (2, 4)),
            "squeeze": lambda m, y: y.squeeze(0),
            "squeeze_none": lambda m, y: y.squeeze(-1),
            "unsqueeze": lambda m, y: y.unsqueeze(1),
            "none": lambda m, y: y[:, :, None],
            "permute": lambda m, y: y.permute(1, 0, 2),
            "permute_f": lambda m, y: y.permute(2, 1, 0),
            "transpose": lambda m, y: y.transpose(1, 2),
            "swapaxes": lambda m, y: y.swapaxes(0, 1),
            "swapdims": lambda m, y: y.swapdims(-1, -2),
            "movedim": lambda m, y: y.movedim(-1, 0),
            "moveaxis": lambda m, y: torch.moveaxis(y, 1, 0),
            "mT": lambda m, y: y.mT,
            "expand": lambda m, y: y.unsqueeze(2).expand(-1, -1, 3, -1),
            "repeat": lambda m, y: y.unsqueeze(2).repeat(1, 1, 2, 1),
            "expand_as": lambda m, y: y[..., :1].expand_as(y),
            "tile": lambda m, y: torch.tile(y, (1, 1, 2)),
            "interleave": lambda m, y: y.repeat_interleave(2, dim=-1),
            "contiguous": lambda m, y: y.transpose(0, 1).contiguous(),
            "clone": lambda m, y: y.clone(),
            "detach": lambda m, y: y.detach(),
            "slice": lambda m, y: y[:, :, 2:6],
            "slice_step": lambda m, y: y[..., ::2],
            "slice_all": lambda m, y: y[:, :],
            "narrow": lambda m, y: y.narrow(-1, 1, 3),
            "select": lambda m, y: y[:, :, 3],
            "select_last": lambda m, y: y[..., -1],
            "select_0": lambda m, y: y[0],
            "select_f": lambda m, y: y.select(2, 0),
            "list": lambda m, y: y[:, :, [0, 3, 4, 1]],
            "tensor": lambda m, y: y[..., torch.tensor([7, 0])],
            "index_select": lambda m, y: torch.index_select(y, 2, torch.arange(0, 8, 3)),
            "flip": lambda m, y: y.flip(-1),
            "cat": lambda m, y: torch.cat([y, y * 2], dim=-1),
            "cat_2": lambda m, y: torch.cat((y, m.row.expand(1, y.size(1), 8)), 2),
            "concat": lambda m, y: torch.concat([y[..., :2], y[..., 6:]], -1),
            "stack": lambda m, y: torch.stack([y, -y], dim=-1),
            "stack_2": lambda m, y: torch.stack((y, y, y), 2),
            "hstack": lambda m, y: torch.hstack([y[0], y[0]]),
            "dstack": lambda m, y: torch.dstack([y, y]),
            "split": lambda m, y: torch.split(y, 3, dim=-1)[2],
            "split_m": lambda m, y: y.split([2, 6], -1)[1],
            "chunk": lambda m, y: y.chunk(3, dim=2)[1],
            "unbind": lambda m, y: y.unbind(-1)[4],
            "tensor_split": lambda m, y: torch.tensor_split(y, 3, dim=-1)[0],
            "pad": lambda m, y: F.pad(y, (1, 2)),
            "pad_value": lambda m, y: F.pad(y, (0, 1), value=0.5),
            "pad_module": lambda m, y: nn.ConstantPad1d((2, 0), 1.0)(y),
            "glu": lambda m, y: (lambda a, b: a * torch.sigmoid(b))(*y.chunk(2, -1)),
            "roll": lambda m, y: torch.roll(y, 1, dims=-1),
            "ellipsis": lambda m, y: y[..., None, :],
        }
    )


def assignment_to_parts() -> Group:
    def features(module: Any, y: Tensor) -> Tensor:
        z = torch.zeros(y.size(0), y.size(1), 5)
        z[..., 0] = y[..., 3]
        z[:, :, 1:3] = y[:, :, :2] * 2
        z[..., 3] = 1.5
        return z

    def changed(module: Any, y: Tensor) -> Tensor:
        y = y.clone()
        y[..., :2] = torch.sigmoid(y[..., :2])
        y[..., -1] = module.row[0]
        y[..., 4] += y[..., 5]
        return y

    return group({"features": features, "changed": changed})


def masks_that_are_the_same_in_every_frame() -> Group:
    keep = torch.tensor([True, False, True, True, False, True, True, True])
    return group(
        {
            "where": lambda m, y: torch.where(keep, y, m.row),
            "where_number": lambda m, y: torch.where(keep, 0.5, y),
            "filled": lambda m, y: y.masked_fill(keep, 2.0),
            "hidden_from_softmax": lambda m, y: torch.softmax(y.masked_fill(~keep, float("-inf")), -1),
            "multiplied": lambda m, y: y * keep,
            "none": lambda m, y: y.masked_fill(torch.zeros(8, dtype=torch.bool), 1.0),
        }
    )
