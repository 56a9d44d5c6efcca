"""All measurements: one step of every engine, the cost of a session, the footprint."""

from __future__ import annotations

from benchmarks import footprint, host_step


def main() -> None:
    """Run them one after the other with their defaults."""
    host_step.main(["--rounds", "40"], standalone_mode=False)
    host_step.main(["--overhead"], standalone_mode=False)
    footprint.main([], standalone_mode=False)


if __name__ == "__main__":
    main()
