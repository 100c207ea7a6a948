# Two commands do everything: `make demo` shows the product, `make test` proves it.
.DEFAULT_GOAL := help
CARGO ?= cargo
PYTHON ?= python3
# Where the peers of `make bench` are installed; it says how when they are not.
PEERS ?= ../peers
BENCH ?=
# `yes` says that target/debug/descent is there, compiled with the tests: alone it would be compiled again, without the features that only tests need.
BUILT =

MAKEFLAGS += --no-print-directory

.PHONY: help build dashboard demo test tests debug web e2e check unit unit-kills unit-others contract exports client drift deny bench bench-service bench-peers bench-descent bench-learning bench-sweeps bench-dashboard openapi clean

help: ## say what each command does
	@awk -F':.*## ' '/^[a-z0-9]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: cargo-present ## build the server (target/release/descent), with the dashboard where Node.js is
	@if .ci/node; then $(MAKE) dashboard; fi
	$(CARGO) build --release --locked --bin descent

# Everything that the dashboard is built from; the document of the API gives it its types, which are written whenever they are needed.
WEB := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -path 'web/e2e/*' -not -name schema.d.ts 2>/dev/null) api/openapi.json

dashboard: web/dist/index.html ## build the dashboard into web/dist (wants Node.js 20.19 or newer, with npm)

web/node_modules/.package-lock.json: web/package-lock.json
	@.ci/node
	cd web && npm ci --no-audit --no-fund

web/dist/index.html: web/node_modules/.package-lock.json $(WEB)
	cd web && npm run build

web: ## everything that tests the dashboard; installs Node.js and Chromium from Debian where it may
	.ci/web

web/e2e/node_modules/.package-lock.json: web/e2e/package-lock.json
	@.ci/node
	cd web/e2e && npm ci

e2e: dashboard web/e2e/node_modules/.package-lock.json ## drive the dashboard in Debian's Chromium against a real server
	@.ci/chromium
	@$(MAKE) debug
	cd web/e2e && rm -rf artefacts && npm run check && npm test

demo: build ## start a server, upload the penguins, train, predict, and stay up until Ctrl-C
	./target/release/descent demo

test: ## everything CI runs, except what needs the git history
	$(MAKE) check tests
	$(MAKE) web contract exports client BUILT=yes
	$(MAKE) unit

tests: cargo-present ## compile every Rust test, and with them the server that the others drive, with the dashboard where Node.js is or may be installed
	@if .ci/node --install; then $(MAKE) dashboard; fi
	$(CARGO) test --workspace --locked --no-run

debug: cargo-present
	@[ "$(BUILT)" = yes ] || $(CARGO) build --locked --bin descent

check: cargo-present ## format, lints, documentation, licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" $(CARGO) doc --workspace --no-deps --locked --document-private-items
	$(CARGO) check --locked --bin descent
	.ci/deny
	.ci/compose

contract: debug python-present ## throw schemathesis at a running server (installs it into .venv)
	tests/schemathesis/run.sh

exports: debug python-present ## read what leaves the server with onnxruntime and others (installs them into .venv)
	tests/exports/run.sh

client: debug python-present ## test the Python client and its notebooks against a running server (installs what it needs into .venv)
	clients/python/test.sh

unit: cargo-present ## every Rust test; unpacks nothing, needs no network once built
	$(CARGO) test --workspace --locked

# The same in two parts, which may run side by side.
KILLS := what_was_promised_survives_sigkill_at_any_moment
unit-kills: cargo-present
	$(CARGO) test --locked --test crash $(KILLS)
unit-others: cargo-present
	$(CARGO) test --workspace --locked -- --skip $(KILLS)

openapi: cargo-present ## write api/openapi.json and api/families/ again from what is served
	UPDATE_OPENAPI=1 $(CARGO) test --locked --test api openapi

bench: bench-service bench-peers bench-descent bench-learning bench-sweeps bench-dashboard ## measure everything against its goals; writes docs/benchmarks.md (PEERS=DIR, BENCH="--rounds 1")

bench-service: build
	$(CARGO) bench --locked --bench service

bench-peers: cargo-present
	$(CARGO) build --release --locked --package descent-engine --example peer
	$(CARGO) build --release --locked --example recording
	$(PYTHON) -B benches/peers.py target/release/examples --peers $(PEERS) $(BENCH)

bench-descent: cargo-present
	$(CARGO) build --release --locked --package descent-engine --example peer
	target/release/examples/peer 2 descent > target/descent.jsonl
	$(PYTHON) -B benches/ratios.py --descent target/descent.jsonl --write docs/benchmarks.md

bench-learning: cargo-present
	$(CARGO) bench --locked --bench learning > target/learning.jsonl
	$(PYTHON) -B benches/ratios.py --learning target/learning.jsonl --write docs/benchmarks.md

bench-sweeps: cargo-present
	$(CARGO) bench --locked --bench sweeps > target/sweeps.jsonl
	$(PYTHON) -B benches/ratios.py --sweeps target/sweeps.jsonl --write docs/benchmarks.md

bench-dashboard: build dashboard web/e2e/node_modules/.package-lock.json
	@.ci/chromium
	rm -f target/dashboard.jsonl
	cd web/e2e && DESCENT_BINARY=$(CURDIR)/target/release/descent npm run bench
	$(PYTHON) -B benches/dashboard.py target/dashboard.jsonl

clean: ## remove what was built and the demo's data
	$(CARGO) clean
	rm -rf data .venv web/dist web/node_modules web/e2e/node_modules web/e2e/artefacts

.PHONY: cargo-present python-present
cargo-present:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing. Install it with:  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing (SQLite is compiled from source). Install it with:  apt-get install -y gcc libc6-dev"; exit 1; }
python-present:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python 3 with venv is missing. Install it with:  apt-get install -y python3 python3-venv"; exit 1; }
