#!/bin/sh
# make_venv.sh DIR: a fresh virtual environment in DIR, without root.
set -eu
dir=$1
python=${PYTHON:-python3}

command -v "$python" >/dev/null || {
    echo "make_venv: no '$python' on PATH; install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2
    exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "make_venv: $("$python" -V) found; constraints.txt pins releases that need Python 3.11 or newer;" \
        "name one: make PYTHON=python3.12" >&2
    exit 1
}
rm -rf "$dir"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$python" -m venv "$dir" >"$log" 2>&1 || {
    # Debian splits ensurepip off into python3-venv; virtualenv brings its own pip.
    rm -rf "$dir"
    "$python" -m virtualenv --quiet "$dir" 2>/dev/null || {
        cat "$log" >&2
        echo "make_venv: '$python -m venv' failed (above), and virtualenv is not installed either;" \
            "install Debian's python3-venv or run 'pip install --user virtualenv'" >&2
        exit 1
    }
}
