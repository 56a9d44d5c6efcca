"""``edgernn validate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgernn.cli.common.console import prints_to_stderr
from edgernn.cli.common.conversion import ModelOptions
from edgernn.cli.common.options import debug_option, engine_option, json_option, model_options, quiet_option
from edgernn.errors import CheckError, UsageError, ValidationError

if TYPE_CHECKING:
    from edgernn.validation.results import Report


@click.command("validate")
@click.argument("artifact")
@click.option("--reference", metavar="MODEL", required=True, help="file.py:name, package.module:name or file.onnx.")
@model_options
@engine_option
@json_option
@quiet_option
@debug_option
def command(artifact: str, reference: str, engine: str, as_json: bool, quiet: bool, **options: Any) -> int:
    """Compare ARTIFACT with the PyTorch model that it came from. Exit code 1 when they disagree.

    \b
    edgernn validate net.onnx --reference model.py:Net --input 1,T,40 --weights w.pt
    """
    if not Path(artifact).is_file():
        raise UsageError(f"{artifact}: no such file")
    with prints_to_stderr():
        report, notes = _validate(ModelOptions(reference, **options), artifact, engine, show=not (quiet or as_json))
    if as_json:
        import json

        from edgernn.validation.render import plain_json

        click.echo(json.dumps(plain_json({**report.to_plain(), "notes": notes})))
        return 0 if report.passed else CheckError.exit_code
    if not quiet:
        from edgernn.cli.common.console import results
        from edgernn.cli.common.summary import artifact_table, remarks

        results().print(artifact_table(report))
        for line in remarks(report):
            click.echo(line)
        for note in notes:
            click.echo(f"note: {note}", err=True)
    for line in report.artifacts[0].failures():
        click.echo(line, err=True)
    return 0 if report.passed else CheckError.exit_code


def _validate(options: ModelOptions, artifact: str, engine: str, *, show: bool) -> tuple[Report, list[str]]:
    import edgernn
    from edgernn.cli.common.conversion import convert
    from edgernn.cli.common.progress import Bar

    with Bar(enabled=show) as bar:
        conversion = convert(options, bar)
        try:
            found = edgernn.validate(
                artifact, conversion.model, engine=engine, calibration=conversion.calibration,
                drift_steps=conversion.drift_steps, progress=bar,
            )  # fmt: skip
        except ValidationError as error:
            raise ValidationError("\n  note: ".join([str(error), *conversion.notes])) from None
    return conversion.model.report([found], conversion.data), conversion.notes
