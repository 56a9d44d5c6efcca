"""What a module is called with: shapes, dtypes and where time is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree as pytree

from edgernn.errors import UsageError

DTYPES = {"float": torch.float32, "int": torch.int64}
FORMS = "'1,T,40' (float), 'int:1,T' (indices) or 'length:1' (a tensor that holds T)"


@dataclass(frozen=True)
class InputSpec:
    """One tensor argument of the module.

    shape   with None where the length of the sequence stands
    kind    "float", "int", or "length": an int64 tensor whose entries are the sequence length
    """

    shape: tuple[int | None, ...]
    kind: str = "float"

    @property
    def time(self) -> int | None:
        """The axis of time."""
        return self.shape.index(None) if None in self.shape else None

    def tensor(self, length: int, generator: torch.Generator) -> torch.Tensor:
        """An example: normal values, zeros for indices, ``length`` for a length."""
        shape = [length if n is None else n for n in self.shape]
        if self.kind == "length":
            return torch.full(shape, length, dtype=torch.int64)
        if self.kind == "int":
            return torch.zeros(shape, dtype=torch.int64)
        return torch.randn(shape, generator=generator)


@dataclass(frozen=True)
class CallSpec:
    """All arguments of the module: a tree of InputSpec for each positional argument.

    states  for a step module, ``forward(x_t, *states) -> (y_t, *states)``: how many tensors, the last ones, are
            its state; None for a whole-sequence module
    names   of the arguments, where those of the parameters of forward do not say them
    """

    args: tuple[Any, ...]
    states: int | None = None
    names: tuple[str, ...] = ()

    @property
    def step(self) -> bool:
        """Whether this calls a step module."""
        return self.states is not None

    def leaves(self) -> list[InputSpec]:
        """The tensor arguments in order."""
        return pytree.tree_leaves(list(self.args), is_leaf=_is_spec)

    def tensors(self, length: int, seed: int = 0) -> tuple[Any, ...]:
        """Example arguments for sequences of ``length``."""
        generator = torch.Generator().manual_seed(seed)
        return self.fill([spec.tensor(length, generator) for spec in self.leaves()])

    def fill(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments with these values in place of the specs."""
        _, tree = pytree.tree_flatten(list(self.args), is_leaf=_is_spec)
        return tuple(pytree.tree_unflatten(list(leaves), tree))


def argument_names(forward: Callable[..., Any], spec: CallSpec) -> list[str]:
    """A name for each leaf of the call, from the names of the parameters of ``forward``: "x", "hidden_0"."""
    if spec.names:
        return list(spec.names)
    parameters = list(inspect.signature(forward).parameters.values())
    names = []
    for position, argument in enumerate(spec.args):
        parameter = parameters[min(position, len(parameters) - 1)]
        several = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        name = f"{parameter.name}_{position - len(parameters) + 1}" if several else parameter.name
        for path, _ in pytree.tree_flatten_with_path(argument, is_leaf=_is_spec)[0]:
            names.append("_".join([name, *(str(getattr(key, "key", getattr(key, "idx", key))) for key in path)]))
    return names


def _is_spec(x: Any) -> bool:
    return isinstance(x, InputSpec)


def parse_input(text: str) -> InputSpec:
    """``text`` in one of FORMS. Raises UsageError."""
    kind, _, dims = text.rpartition(":")
    kind = kind.strip().lower() or "float"
    kind = {"float32": "float", "int64": "int", "int32": "int", "long": "int"}.get(kind, kind)
    if kind not in ("float", "int", "length"):
        raise UsageError(f"input {text!r}: unknown kind {kind!r}; an input is {FORMS}")
    shape: list[int | None] = []
    for item in filter(None, (d.strip() for d in dims.split(","))):
        if item in ("T", "t"):
            shape.append(None)
        elif item.isdigit() and int(item) > 0:
            shape.append(int(item))
        else:
            raise UsageError(f"input {text!r}: {item!r} is neither a size nor T; an input is {FORMS}")
    if shape.count(None) > 1:
        raise UsageError(f"input {text!r}: time can stand once; an input is {FORMS}")
    return InputSpec(tuple(shape), kind)


def of_tensor(tensor: torch.Tensor, time: bool) -> InputSpec:
    """The spec of an example tensor. Time is the first axis whose size is not 1."""
    kind = "float" if tensor.is_floating_point() else "int"
    shape: list[int | None] = list(tensor.shape)
    if time:
        axis = next((k for k, n in enumerate(shape) if n != 1), None)
        if axis is None:
            raise UsageError(
                f"example of shape {list(tensor.shape)}: no axis longer than 1 could be time; give inputs='1,T,...'"
            )
        shape[axis] = None
    return InputSpec(tuple(shape), kind)


def call_spec(
    example: Any, inputs: str | Sequence[Any] | None, state: Any, forward: Callable[..., Any] | None = None
) -> CallSpec:
    """The call of ``forward`` that the user describes by example tensors or by spec strings.

    A sequence of states becomes arguments of their own where ``forward`` has as many parameters left without
    a default, else one argument. Where an input has time, the states are the initial ones of a whole-sequence
    module; else ``forward`` is one step. Raises UsageError.
    """
    if (example is None) == (inputs is None):
        raise UsageError(f"give either an example or inputs; an input is {FORMS}")
    if inputs is not None:
        args = _tree([inputs] if isinstance(inputs, str) else list(inputs), time=False)
    else:
        args = _of_examples(example, step=state is not None)
    spec = CallSpec(tuple(args))
    if state is not None:
        states = _tree(state, time=False)
        own = isinstance(states, tuple | list) and forward is not None and _required(forward) - len(args) == len(states)
        leaves = pytree.tree_leaves(states, is_leaf=_is_spec)
        if any(leaf.time is not None for leaf in leaves):
            raise UsageError("a state has one shape at every step, without T")
        step = all(leaf.time is None for leaf in spec.leaves())
        spec = CallSpec((*args, *(states if own else [states])), len(leaves) if step else None)
    _check(spec)
    return spec


def _required(forward: Callable[..., Any]) -> int:
    """Number of positional parameters without a default."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(forward).parameters.values()
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)


def _tree(tree: Any, *, time: bool) -> Any:
    def leaf(x: Any) -> InputSpec:
        if isinstance(x, str):
            return parse_input(x)
        if isinstance(x, torch.Tensor):
            return of_tensor(x, time)
        raise UsageError(f"an input is a tensor or one of {FORMS}, found {type(x).__name__}")

    return pytree.tree_map(leaf, tree)


def _of_examples(example: Any, step: bool) -> list[Any]:
    args = list(example) if isinstance(example, tuple | list) else [example]
    if not args or not all(isinstance(t, torch.Tensor) for t in pytree.tree_leaves(args)):
        raise UsageError("the example must be a tensor or a tuple of the module's arguments, all tensors")
    first, *rest = args
    if not isinstance(first, torch.Tensor):
        raise UsageError("the first argument of the example must be a tensor")
    spec = of_tensor(first, time=not step)
    length = first.shape[spec.time] if spec.time is not None else 0
    return [spec, *pytree.tree_map(lambda t: _of_companion(t, spec, length), rest)]


def _of_companion(tensor: torch.Tensor, first: InputSpec, length: int) -> InputSpec:
    """A further argument: a length, a sequence of the same length on the same axis, or a static tensor."""
    integer = not tensor.is_floating_point()
    if integer and tensor.ndim <= 1 and tensor.numel() == 1 and int(tensor) == length:
        return InputSpec(tuple(tensor.shape), "length")
    axis = first.time
    timed = axis is not None and tensor.ndim > axis and tensor.shape[axis] == length and tensor.ndim == len(first.shape)
    shape: list[int | None] = list(tensor.shape)
    if timed and axis is not None:
        shape[axis] = None
    return InputSpec(tuple(shape), "int" if integer else "float")


def _check(spec: CallSpec) -> None:
    leaves = spec.leaves()
    timed = [s for s in leaves if s.time is not None]
    if not spec.step and not timed:
        raise UsageError(f"no input has a time axis T; an input is {FORMS}. For a step module give its state too")
