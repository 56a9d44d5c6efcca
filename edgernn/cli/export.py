"""``edgernn export``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgernn.cli.common import config
from edgernn.cli.common.console import prints_to_stderr
from edgernn.cli.common.conversion import ModelOptions
from edgernn.cli.common.options import debug_option, json_option, model_options, quiet_option
from edgernn.errors import EdgeRNNError, LossError, UsageError

if TYPE_CHECKING:
    from edgernn.cli.common.conversion import Conversion
    from edgernn.cli.common.progress import Bar
    from edgernn.quant.assignment import Search
    from edgernn.validation.results import ArtifactReport, Report

FORMATS = ("onnx", "tflite", "c", "ern", "so")


def _parse_formats(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(dict.fromkeys(name.strip().lstrip(".") for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise click.BadParameter(f"{name!r} is not a format; formats are {', '.join(FORMATS)}")
    return names


@click.command("export")
@config.option
@click.argument("model", required=False)
@model_options
@click.option(
    "--format",
    "formats",
    callback=_parse_formats,
    metavar="LIST",
    help=f"What to write: {','.join(FORMATS)} (all by default).",
)
@click.option(
    "--target",
    metavar="NAME",
    help="Machine for the .so, cross-compiled, e.g. a Raspberry Pi; this one by default.",
)
@click.option(
    "--decoders", metavar="LIST",
    help="Write these beside the .c: of sample, ctc, events; docs/decoding.md says what they do.",
)  # fmt: skip
@click.option("-o", "--output", default=".", show_default=True, metavar="DIR", help="Folder for artifacts and report.")
@json_option
@quiet_option
@debug_option
def command(
    model: str | None, formats: tuple[str, ...] | None, target: str | None, decoders: str | None, output: str,
    as_json: bool, quiet: bool, **options: Any,
) -> None:  # fmt: skip
    """Convert MODEL (file.py:name, package.module:name or file.onnx) to artifacts that process one frame at a time.

    Every artifact is compared with the PyTorch model, or the ONNX file, first; if one disagrees, nothing is
    written. Beside them stands a report: <model>.report.md, .json and .html.

    \b
    edgernn export model.py:Net --input 1,T,40 --weights w.pt --calibration data.npz -o out
    edgernn export model.onnx --calibration data.npz -o out
    """
    if model is None:
        raise UsageError(f"MODEL is missing: file.py:name, package.module:name or file.onnx, here or in {config.NAME}")
    chosen = tuple(name.strip() for name in decoders.split(",")) if decoders else ()
    named = formats is not None
    order = Order(formats or FORMATS, target, Path(output), chosen, named)
    with prints_to_stderr():
        exported = _export_or_show_search(ModelOptions(model, **options), order, show=not (quiet or as_json))
    if as_json:
        _print_json(exported)
    elif not quiet:
        _print(exported)


@dataclass(frozen=True)
class Order:
    """What to write, and where; ``named`` is whether the user asked for just these formats."""

    formats: tuple[str, ...]
    target: str | None
    folder: Path
    decoders: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True)
class Exported:
    """What was written."""

    report: Report
    files: list[Path]
    html: Path
    notes: list[str]


def _export_or_show_search(options: ModelOptions, order: Order, *, show: bool) -> Exported:
    """Where no schemes meet the bound, what was tried is shown before the error is."""
    try:
        return _export(options, order, show=show)
    except LossError as error:
        if show:
            _print_search(error.search)
        raise


def _print_search(search: Search) -> None:
    from edgernn.cli.common.console import results
    from edgernn.cli.common.summary import search_table

    results().print(search_table(search))


def _export(options: ModelOptions, order: Order, *, show: bool) -> Exported:
    """Write everything into the folder, or nothing."""
    from edgernn.cli.common.conversion import convert
    from edgernn.cli.common.files import staged
    from edgernn.cli.common.progress import Bar
    from edgernn.validation.render import require_jinja

    require_jinja()
    _check_target(order)
    _check_decoders(order)
    _check_folder(order.folder)
    with Bar(enabled=show) as bar:
        conversion = convert(options, bar)
        order = _fitting(order, conversion)
        with staged(order.folder) as stage:
            artifacts = [_save(conversion, stage, suffix, order, bar) for suffix in order.formats]
            _write_decoders(order, stage)
            report = conversion.model.report(artifacts, conversion.data, bar)
            bar("writing the report")
            html = order.folder / _write_reports(report, stage).name
            files = sorted(order.folder / file.name for file in stage.iterdir())
    return Exported(report, files, html, conversion.notes)


def _fitting(order: Order, conversion: Conversion) -> Order:
    """Of an encoder with a decoder, the formats that it is written as. Raises UsageError for others asked for."""
    if conversion.model.interface.encoder is None:
        return order
    from edgernn.seq2seq_model import FORMATS as OF_PAIRS

    wrong = [f for f in order.formats if f not in OF_PAIRS]
    if wrong and order.named:
        raise UsageError(f"--format {','.join(wrong)}: an encoder with a decoder is written as {', '.join(OF_PAIRS)}")
    return replace(order, formats=tuple(f for f in order.formats if f in OF_PAIRS))


def _save(conversion: Conversion, stage: Path, suffix: str, order: Order, bar: Bar) -> ArtifactReport:
    file = stage / f"{conversion.model.name}.{suffix}"
    try:
        artifact = conversion.model.save(
            file, calibration=conversion.calibration, drift_steps=conversion.drift_steps, progress=bar,
            target=order.target if suffix == "so" else None,
        )  # fmt: skip
    except EdgeRNNError as error:
        error.args = (re.sub(rf"{re.escape(str(stage))}(/\.edgernn-\w+)?", str(order.folder), str(error)),)
        raise
    artifact.path = str(order.folder / file.name)
    return artifact


def _write_reports(report: Report, stage: Path) -> Path:
    """Write the three forms and return the page."""
    from edgernn.validation.render import render_html, render_json, render_markdown

    for suffix, render in (("md", render_markdown), ("json", render_json), ("html", render_html)):
        path = stage / f"{report.model}.report.{suffix}"
        path.write_text(render(report), encoding="utf-8")
    return path


def _print_json(exported: Exported) -> None:
    import json

    from edgernn.validation.render import plain_json

    files = [str(file) for file in exported.files]
    plain = {**exported.report.to_plain(), "files": files, "notes": exported.notes}
    click.echo(json.dumps(plain_json(plain)))


def _print(exported: Exported) -> None:
    from edgernn.cli.common.console import results
    from edgernn.cli.common.summary import artifact_table, remarks

    results().print(artifact_table(exported.report))
    for line in remarks(exported.report):
        click.echo(line)
    if exported.report.search is not None:
        _print_search(exported.report.search)
    click.echo(f"report: {exported.html}")
    for note in exported.notes:
        click.echo(f"note: {note}", err=True)


def _check_target(order: Order) -> None:
    if order.target is None:
        return
    if "so" not in order.formats:
        raise UsageError("--target is the machine of the .so: add so to --format")
    from edgernn.export.c.targets import target_named

    target_named(order.target)


def _write_decoders(order: Order, stage: Path) -> None:
    if order.decoders:
        from edgernn.export.c import write_decoders

        write_decoders(stage, order.decoders)


def _check_decoders(order: Order) -> None:
    if not order.decoders:
        return
    from edgernn.export.c import DECODERS

    if not set(order.decoders) <= set(DECODERS) or "c" not in order.formats:
        raise UsageError(
            f"--decoders {','.join(order.decoders)}: they are {', '.join(DECODERS)}, and stand beside the .c: "
            f"add c to --format"
        )


def _check_folder(folder: Path) -> None:
    """Say early that the folder cannot be written, not after minutes of work."""
    existing = next((p for p in (folder, *folder.absolute().parents) if p.exists()), None)
    if existing is None or not existing.is_dir() or not os.access(existing, os.W_OK):
        raise UsageError(f"--output {folder}: cannot be written: {existing} is not a folder one can write to")
