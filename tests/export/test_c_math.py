"""Accuracy of the elementary functions of the float32 kernels, against double precision."""

import ctypes
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgernn.export.c.source import KERNELS
from edgernn.export.c.targets import host_target
from tests.export.c_support import compiler, run

Function = Callable[[np.ndarray], np.ndarray]
FILES = [f"ern_{name}_f32.c" for name in ("unary", "trigonometry", "pow", "softmax", "layer_norm")]
TINY = 1.1754944e-38

_erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def selu(x: np.ndarray) -> np.ndarray:
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))


CASES: dict[str, tuple[Function, float, float, float]] = {
    "exp": (np.exp, -87.3, 88.7, 1e-7),
    "log": (np.log, 1e-45, 3.4e38, 2e-7),
    "tanh": (np.tanh, -100, 100, 2e-7),
    "sigmoid": (sigmoid, -87, 100, 2e-7),
    "sqrt": (np.sqrt, 1e-45, 3.4e38, 1e-7),
    "rsqrt": (lambda x: 1 / np.sqrt(x), TINY, 3.4e38, 2e-7),
    "erf": (_erf, -6, 6, 2e-7),
    "sin": (np.sin, -20_000, 20_000, 4e-7),
    "cos": (np.cos, -20_000, 20_000, 4e-7),
    "selu": (selu, -80, 80, 2e-7),
    "log_sigmoid": (lambda x: -softplus(-x), -80, 80, 3e-7),
    "mish": (lambda x: x * np.tanh(softplus(x)), -20, 20, 4e-7),
    "silu": (lambda x: x * sigmoid(x), -80, 80, 3e-7),
}
"""Name -> definition, range, largest relative error."""

SPECIAL = np.float32(
    [0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3e38, -3e38, 88.8, -110, 1e10, -(2.0**100), 2.0**127]
)


def lanes_of(name: str) -> int:
    return 1 if name == "scalar" else host_target().lanes


@pytest.fixture(scope="module", params=["scalar", "native"])
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The kernels without fused multiplication for one lane, with it for the lanes of this machine."""
    target, lanes = host_target(), lanes_of(request.param)
    flags = target.flags if lanes > 1 else ()
    contract = "-ffp-contract=off" if lanes == 1 else "-ffp-contract=fast"
    output = tmp_path_factory.mktemp("kernels") / "kernels.so"
    command = [*compiler(), "-std=c99", "-O2", contract, f"-DERN_LANES={lanes}", *flags, "-shared", "-fPIC", *FILES]
    run([*command, "-o", str(output)], KERNELS)
    return ctypes.CDLL(str(output))


def apply(kernels: ctypes.CDLL, name: str, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    function = getattr(kernels, f"ern_{name}_f32")
    function(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data), ctypes.c_size_t(len(x)))
    return y


def samples(low: float, high: float) -> np.ndarray:
    """Uniform in value, and uniform in magnitude, in [low, high]."""
    rng = np.random.default_rng(0)
    sign = np.where(rng.random(60_000) < 0.5, np.sign(low), 1.0)
    spread = sign * np.exp(rng.uniform(math.log(1e-45), math.log(max(abs(low), abs(high))), 60_000))
    x = np.concatenate([rng.uniform(low, high, 60_000), spread, [low, high]]).astype(np.float32)
    return x[(x >= low) & (x <= high)]


@pytest.mark.parametrize("name", CASES)
def test_relative_error(kernels: ctypes.CDLL, name: str) -> None:
    definition, low, high, tolerance = CASES[name]
    x = samples(low, high)
    want = definition(x.astype(np.float64))
    error = np.abs(apply(kernels, name, x) - want)
    floor = 2e-10 if name in ("sin", "cos") else 2 * TINY
    excess = error - tolerance * np.abs(want) - floor
    worst = int(excess.argmax())
    assert excess[worst] <= 0, f"{name}({x[worst]}): error {error[worst]} of {want[worst]}"


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("mish", "silu", "selu")])
def test_special_values(kernels: ctypes.CDLL, name: str) -> None:
    with np.errstate(all="ignore"):
        want = CASES[name][0](SPECIAL.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(apply(kernels, name, SPECIAL), want, rtol=5e-7, atol=2 * TINY)


@pytest.mark.parametrize("name", ["tanh", "erf", "sin", "cos", "sigmoid"])
def test_bounded_functions_stay_in_bounds(kernels: ctypes.CDLL, name: str) -> None:
    y = apply(kernels, name, samples(-50, 50))
    assert y.max() <= 1
    assert y.min() >= (0 if name == "sigmoid" else -1)


def test_powers(kernels: ctypes.CDLL) -> None:
    class Walk(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint32 * (1 if name == "axes" else 8)) for name in ("axes", "size", "a", "b")]

    rng = np.random.default_rng(0)
    special = np.float32([0, -0.0, 1, -1, 2, -2, 0.5, -0.5, np.inf, -np.inf, np.nan, 3, -3, 1e-45, 1e30, -(2.0**24)])
    a, b = (v.ravel() for v in np.meshgrid(special, special))
    a = np.concatenate([a, np.exp(rng.uniform(-30, 30, 50_000)).astype(np.float32)])
    b = np.concatenate([b, rng.uniform(-3, 3, 50_000).astype(np.float32)])
    y, one = np.empty_like(a), (ctypes.c_uint32 * 8)(1)
    walk = Walk((ctypes.c_uint32 * 1)(1), (ctypes.c_uint32 * 8)(len(a)), one, one)
    kernels.ern_pow_f32(*(ctypes.c_void_p(v.ctypes.data) for v in (a, b, y)), ctypes.byref(walk))
    with np.errstate(all="ignore"):
        want = np.power(a.astype(np.float64), b.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(y, want, rtol=2e-7, atol=0)
    np.testing.assert_array_equal(np.signbit(y[want == 0]), np.signbit(want[want == 0]))


def test_fast_math_is_refused(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(f'#include "{KERNELS}/ern_math_f32.h"\n')
    with pytest.raises(AssertionError, match="compile without -ffast-math"):
        run([*compiler(), "-std=c99", "-O2", "-ffast-math", "-fsyntax-only", "main.c"], tmp_path)
