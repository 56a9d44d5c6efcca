"""Reports for the tests of the renderers."""

from edgernn.validation.results import (
    ArtifactReport,
    Drift,
    Latency,
    LayerRow,
    OutputError,
    PropertyResult,
    Report,
)


def output(
    name: str = "y", *, error: float = 2e-7, kind: str = "frame", curve: list[tuple[int, float]] | None = None
) -> OutputError:
    """An output with this largest error."""
    curve = curve if curve is not None else [(k, error / (k + 1)) for k in range(5)]
    return OutputError(name, kind, 90, error, error / 3, 1.5, 130.0, 0.99996, 1e-5, curve)


def artifact(engine: str = "numba", path: str = "out/m.ern", **fields: object) -> ArtifactReport:
    """An artifact that passed."""
    values: dict[str, object] = {
        "outputs": [output()],
        "properties": [PropertyResult("reset", True, "the same stream after reset")],
        "drift": [Drift("y", 1000, 3e-7, 1e-7, 1.1e-7, [(499, 1e-7), (999, 3e-7)])],
        "latency": Latency(2000, 8.0, 9.87, 30.0),
    }
    return ArtifactReport(path, engine, 2048, 1.5, **{**values, **fields})  # type: ignore[arg-type]


def report(*artifacts: ArtifactReport, **fields: str) -> Report:
    """A report on these artifacts."""
    values = {"model": "tagger", "data": "4 random sequences", "machine": "a machine", **fields}
    return Report(
        fingerprint="ab" * 32, scheme="float32", mode="stream",
        inputs=[{"name": "x", "shape": (13,), "dtype": "float32", "kind": "frame", "limit": None}],
        outputs=[{"name": "y", "shape": (10,), "dtype": "float32", "kind": "frame", "limit": None}],
        states=[{"name": "gru_h", "shape": (48,), "dtype": "float32", "bytes": 192}],
        layers=[LayerRow("gru", "gru", (48,), 9072, 8784, 9360), LayerRow("relu", "unary(relu)", (48,), 0, 0)],
        created="2024-01-02T03:04:05+00:00", versions={"torch": "2.13.0"}, artifacts=list(artifacts), **values,
    )  # fmt: skip
