#!/usr/bin/env bash
# The client against a real server: lints, types, tests, the notebooks, the README. Wants the debug binary (`cargo build --bin descent`)
# or another one in DESCENT_BINARY; brings its own Python environment in .venv/.
#
#   clients/python/test.sh                      all of it
#   clients/python/test.sh -k notebooks -x      arguments go to pytest
set -euo pipefail
cd "$(dirname "$0")"
ROOT=$(cd ../.. && pwd)
PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "the client runs on Python 3.9 and newer, its tests on 3.11 and newer (scikit-learn); this is $("$PYTHON" --version)" >&2
  exit 1
fi
WANTED=$(cat requirements-dev.txt pyproject.toml | sha256sum | cut -c1-12)
VENV=$ROOT/.venv/client-$WANTED
if [ ! -e "$VENV/ready" ]; then
  rm -rf "$ROOT"/.venv/client-*
  "$PYTHON" -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check --requirement requirements-dev.txt
  # As a user installs it; what it needs is there already. Editable, so that a change is seen.
  "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
  touch "$VENV/ready"
fi
export PYTHONDONTWRITEBYTECODE=1 MPLBACKEND=agg
"$VENV/bin/ruff" format --quiet --no-cache --check
"$VENV/bin/ruff" check --quiet --no-cache
"$VENV/bin/mypy" --cache-dir "$VENV/mypy"
"$VENV/bin/python" -m pytest -p no:cacheprovider "$@"
