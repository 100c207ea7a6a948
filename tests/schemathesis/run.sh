#!/usr/bin/env bash
# The contract test: schemathesis reads /openapi.json of a running server and tries to break what it says, with every check.
# Wants the debug binary (`cargo build --bin descent`); brings its own Python environment in .venv/ and its own data folder.
#
#   tests/schemathesis/run.sh                    all of it, bounded in time; exit code 0 only without a failure
#   tests/schemathesis/run.sh --include-path /v1/queue    one path (further arguments go to `schemathesis run`)
set -euo pipefail
cd "$(dirname "$0")/../.."
SCHEMATHESIS_VERSION=4.32.5
VENV=.venv/schemathesis-$SCHEMATHESIS_VERSION
BINARY=${DESCENT_BINARY:-${CARGO_TARGET_DIR:-target}/debug/descent}
[ -x "$BINARY" ] || { echo "build first: cargo build --bin descent"; exit 1; }

if [ ! -e "$VENV/ready" ]; then
  rm -rf "$VENV"
  "${PYTHON:-python3}" -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS_VERSION"
  touch "$VENV/ready"
fi

folder=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap finish EXIT

# A test of the contract asks thousands of times a minute, with wrong tokens too, and queues what it likes: the limits that
# it would run into have tests of their own.
export DESCENT_OTHER_PER_S=1000000 DESCENT_PREDICT_PER_S=1000000 DESCENT_FAILED_SIGN_INS_PER_MIN=1000000
export DESCENT_OWNER_QUEUED_RUNS=1000000 DESCENT_SSE_PER_TOKEN=10000 DESCENT_FREE_SPACE_FLOOR_BYTES=0
# One slot leaves a core to the requests while runs train.
export DESCENT_SLOTS=1
mkfifo "$folder/out"
"$BINARY" serve --listen 127.0.0.1:0 --data-dir "$folder/data" >"$folder/out" 2>"$folder/log" &
server=$!
exec 3<"$folder/out"
# The line comes when requests are answered; without it the server ended, and its log says why.
read -r said <&3 || { cat "$folder/log"; exit 1; }
DESCENT_URL=${said#listening on }
DESCENT_TOKEN=$(cat "$folder/data/admin.token")
export DESCENT_URL DESCENT_TOKEN DESCENT_IDS="$folder/ids"

# What exists before the first request: without it most answers would be 404 and most of the contract unseen.
"$VENV/bin/python" tests/schemathesis/prepare.py

# The settings name the files of ids relative to themselves.
cp tests/schemathesis/schemathesis.toml "$folder/"

"$VENV/bin/schemathesis" --config-file "$folder/schemathesis.toml" run "$DESCENT_URL/openapi.json" "$@" || {
  code=$?
  echo "what the server logged of its own faults:"
  grep -E 'ERROR|panicked' "$folder/log" | tail -20 || true
  exit $code
}
