#!/usr/bin/env bash
# What leaves the server is read by the programs it is meant for: onnxruntime, the ONNX checker, the client of Triton, TensorBoard.
# Wants the debug binary (`cargo build --bin descent`); brings its own Python environment in .venv/ and its own data folder.
#
#   tests/exports/run.sh                 all of it
#   tests/exports/run.sh onnx conv gru-true-false    one part, or some of its cases
set -euo pipefail
cd "$(dirname "$0")/../.."
BINARY=${DESCENT_BINARY:-${CARGO_TARGET_DIR:-target}/debug/descent}
[ -x "$BINARY" ] || { echo "build first: cargo build --bin descent"; exit 1; }

# A change of the requirements makes a new environment.
VENV=.venv/exports-$(sha256sum tests/exports/requirements.txt | cut -c1-12)
if [ ! -e "$VENV/ready" ]; then
  rm -rf "$VENV"
  "${PYTHON:-python3}" -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check -r tests/exports/requirements.txt
  touch "$VENV/ready"
fi

folder=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap finish EXIT

# The limits that hundreds of requests a second run into have tests of their own.
export DESCENT_OTHER_PER_S=1000000 DESCENT_PREDICT_PER_S=1000000 DESCENT_OWNER_QUEUED_RUNS=1000 DESCENT_FREE_SPACE_FLOOR_BYTES=0
mkfifo "$folder/out"
"$BINARY" serve --listen 127.0.0.1:0 --data-dir "$folder/data" >"$folder/out" 2>"$folder/log" &
server=$!
exec 3<"$folder/out"
# The line comes when requests are answered; without it the server ended, and its log says why.
read -r said <&3 || { cat "$folder/log"; exit 1; }
DESCENT_URL=${said#listening on }
DESCENT_TOKEN=$(cat "$folder/data/admin.token")
export DESCENT_URL DESCENT_TOKEN

part() {
  "$VENV/bin/python" -B "tests/exports/check_$1.py" "${@:2}" || {
    code=$?
    echo "what the server logged of its own faults:"
    grep -E 'ERROR|panicked' "$folder/log" | tail -20 || true
    exit $code
  }
}
if [ $# -gt 0 ]; then part "$@"; exit; fi
part onnx
part inference
part metrics
