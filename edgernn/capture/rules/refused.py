"""Operators that do not convert, and why. An operator that is in no table at all is refused too."""

from __future__ import annotations

from typing import NoReturn

from edgernn.capture.context import SEGMENT_REMEDY, Context, refuse
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.traced import Call

ATTENTION = (
    "every frame is combined with every other frame, as attention over the whole sequence does",
    f"a streaming model cannot wait for the whole sequence; use recurrent layers, or convert whole segments "
    f"({SEGMENT_REMEDY})",
)
SPECTRUM = (
    "this Fourier transform is not supported",
    "use torch.fft.rfft of frames, or edgernn.features.Spectrogram",
)
COMPARISON = (
    "comparisons give truth values, which the exported programs do not have",
    "use clamp, relu, minimum or maximum; compare outside the model",
)
CHOICE = (
    "it chooses by comparing values",
    "use relu, leaky_relu, elu, clamp, minimum or maximum",
)
POSITION = (
    "it computes positions, not values",
    "return the scores, and take argmax, topk or sort of what the session gives",
)
RANDOM = ("it draws random numbers, so its results cannot be reproduced", "feed the noise as an input of the model")
ROUNDING = ("rounding is not supported", "round outside the model")
RESAMPLING = ("it changes the rate of the frames", "resample outside the model")

NORMALISATION = ("it normalises over time", "use LayerNorm, or BatchNorm with running statistics")

REFUSED: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("_native_multi_head_attention", "_transformer_encoder_layer_fwd",
         "_scaled_dot_product_flash_attention_for_cpu"), ATTENTION),
    **dict.fromkeys(("fft_fft", "fft_ifft", "fft_irfft", "stft", "istft"), SPECTRUM),
    **dict.fromkeys(
        ("gt", "ge", "lt", "le", "eq", "ne", "greater", "less", "logical_and", "logical_or", "logical_not", "isnan",
         "isfinite", "bitwise_not"), COMPARISON),
    **dict.fromkeys(("sign", "sgn", "heaviside"), CHOICE),
    "instance_norm": NORMALISATION,
    **dict.fromkeys(("argmax", "argmin", "topk", "sort", "argsort", "multinomial"), POSITION),
    **dict.fromkeys(
        ("rand_like", "randn_like", "bernoulli", "normal", "randint_like", "rrelu_with_noise"), RANDOM),
    **dict.fromkeys(("floor", "ceil", "round", "trunc", "floor_divide", "remainder", "fmod"), ROUNDING),
    **dict.fromkeys(
        ("upsample_nearest1d", "upsample_linear1d", "upsample_nearest2d", "upsample_bilinear2d"), RESAMPLING),
}  # fmt: skip
"""Name of the aten operator -> (reason, remedy)."""


def rule_for(target: str) -> Rule | None:
    """The rule that refuses ``target`` ("aten.<name>.<overload>"), if it stands in the table."""
    found = REFUSED.get(target.split(".")[1]) if target.count(".") >= 2 else None
    if found is None:
        return None
    reason, remedy = found

    def rule(ctx: Context, call: Call) -> NoReturn:
        refuse(call, reason, remedy)

    return rule
