"""Options that several verbs have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from edgernn.runtime.engines import ENGINES

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output, errors too.")
debug_option = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors and results.")
engine_option = click.option(
    "--engine", type=click.Choice(["auto", *ENGINES]), default="auto", show_default=True,
    help="What runs the artifact; auto takes the fastest installed one.",
)  # fmt: skip


def model_options(function: F) -> F:
    """Options that say how to build a PyTorch model and what to call it with."""
    options = [
        click.option(
            "--input", "inputs", multiple=True, metavar="SHAPE",
            help="Shape of an argument of forward, T for time: 1,T,40, int:1,T for indices, length:1 for a "
            "tensor that holds T; 1,40 for a step module. Of an ONNX model, where the file does not say it: "
            "NAME:1,T,40, or NAME=VALUE for an input that stays the same. Repeat for several.",
        ),
        click.option(
            "--state", "states", multiple=True, metavar="SHAPE",
            help="Shape of the state of a step module forward(x, state), 1,64, or of the initial state that a "
            "whole-sequence module takes, 2,1,64. Of an ONNX model: INPUT=OUTPUT. Repeat for a tuple of states.",
        ),
        click.option(
            "--arg", "arguments", multiple=True, metavar="KEY=VALUE",
            help="Argument for the class or factory, a Python literal. Repeat for several.",
        ),
        click.option(
            "--weights", metavar="FILE", help="State dict (.pt, .pth, .ckpt, .safetensors) for the model."
        ),
        click.option("--name", help="Name in files and C symbols; that of the class by default."),
        click.option(
            "--sample-rate", type=click.FloatRange(min=0, min_open=True), metavar="HZ",
            help="Sampling rate of sound that the model takes; `run` then refuses other WAV files.",
        ),
        click.option(
            "--mode", type=click.Choice(["stream", "segment", "chunk"]), default="stream", show_default=True,
            help="stream: frame by frame, for ever. segment: whole segments of up to --max-frames, for bidirectional "
            "layers and others that need the whole sequence. chunk: a stream whose bidirectional layers look "
            "--lookahead frames ahead; the report says what that costs.",
        ),
        click.option(
            "--max-frames", type=click.IntRange(min=1), metavar="N",
            help="The most frames of a segment, or of the source that an encoder reads.",
        ),
        click.option(
            "--lookahead", type=click.IntRange(min=0), metavar="N",
            help="Of --mode chunk: frames after a chunk that each bidirectional layer sees.",
        ),
        click.option(
            "--chunk", type=click.IntRange(min=1), metavar="N",
            help="Of --mode chunk: frames that are answered together; as many as --lookahead by default.",
        ),
        click.option(
            "--tokenizer", metavar="FILE|chars:...",
            help="What the symbols stand for that the model reads or writes, kept in the artifacts: a .json file, "
            "chars: and the characters in their order (\\n, \\t and \\\\ as in Python), or bytes.",
        ),
        click.option(
            "--target-tokenizer", metavar="FILE|chars:...",
            help="Of an encoder with a decoder: what the symbols stand for that it writes; --tokenizer is of what it "
            "reads.",
        ),
        click.option(
            "--calibration", metavar="FILE",
            help="Real sequences to validate on: .npy [T, frame] or [N, T, frame], or .npz of such arrays, "
            "named by input where there are several.",
        ),
        click.option(
            "--quant", type=click.Choice(["float32", "weights8", "int16x8", "int8", "int16x4"]),
            default="float32", show_default=True,
            help="Number format: float32; weights8, int8 weights in a float model; or integers, which need "
            "--calibration: int16x8, int16 values with int8 weights; int8, int8 values into every product; or "
            "int16x4, int16 values with weights of four bits.",
        ),
        click.option(
            "--calibration-method", type=click.Choice(["minmax", "percentile", "mse"]), default="minmax",
            show_default=True, help="How the ranges of integer models are chosen.",
        ),
        click.option(
            "--quant-layer", "quant_layers", multiple=True, metavar="PATTERN=SCHEME",
            help="Another scheme for the layers of an integer model that match, as `inspect` names them: "
            "lstm_*=int16x8, head=int8:mse, or linear=:percentile for its ranges alone. Repeat for several.",
        ),
        click.option(
            "--max-loss", type=float, metavar="X",
            help="Choose the cheapest scheme for each layer with which the loss by --metric is at most X.",
        ),
        click.option(
            "--metric", default="sqnr", show_default=True, metavar="NAME",
            help="What --max-loss bounds: sqnr (dB below int16x8), nsr (noise to signal in dB), agreement (share of "
            "other largest outputs), mse, or file.py:name, a function of (outputs, targets) that returns an error; "
            "-file.py:name where more is better. With --mode chunk, such a function is also told of in the report, "
            "for the model that sees the whole sequence and for that with look-ahead.",
        ),
        click.option(
            "--validation", metavar="FILE",
            help="Other real sequences than those of --calibration, on which artifacts are compared.",
        ),
        click.option(
            "--drift-steps", type=click.IntRange(min=0), metavar="N",
            help="Steps of continued streaming over which the error is followed: those of 100,000 frames by default.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function
