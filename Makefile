# All a newcomer needs: `make demo` and `make test`. Both do their own set-up (Rust, Node.js with npm and a C compiler
# must be there). `make help` lists the rest.
SHELL := /bin/bash
FORGE = $(firstword $(wildcard $(CURDIR)/node_modules/@foundry-rs/forge-*/bin/forge))
ICC = target/debug/icc

.PHONY: help demo test build contracts-test rust-test artifacts artifacts-check fmt fmt-check lint gas gas-check terraform-test chaos bench sqlx deep fuzz clean

help: ## list targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 20

demo: build ## a bridge on this machine: tokens and a message cross; EXIT=1 ends by itself
	$(ICC) devnet --demo $(if $(EXIT),--exit)

test: contracts-test rust-test ## all tests

build: node_modules/.installed ## the icc binary
	SQLX_OFFLINE=true cargo build -p icc

node_modules/.installed: package.json package-lock.json
	npm ci --no-progress
	node scripts/install-tools.js
	@touch $@

contracts-test: node_modules/.installed ## Solidity tests
	cd contracts && $(FORGE) build src && FOUNDRY_PROFILE=test $(FORGE) test

rust-test: node_modules/.installed ## Rust tests, on real chains and a real PostgreSQL
	SQLX_OFFLINE=true cargo test --workspace

deep: node_modules/.installed ## fuzz, invariant and adversary tests with many more runs; hours
	ADVERSARY_SCHEDULES=200000 SQLX_OFFLINE=true cargo test -p icc-testkit --test it
	HOSTILE_SECONDS=60 SQLX_OFFLINE=true cargo test -p icc --test it hostile
	FOUNDRY_FUZZ_RUNS=10000 FOUNDRY_INVARIANT_RUNS=256 FOUNDRY_INVARIANT_DEPTH=200 $(MAKE) contracts-test

fuzz: ## fuzz targets of the decoders, FUZZ_SECONDS (600) each; TARGETS="node fold" picks
	scripts/fuzz.sh $(TARGETS)

artifacts: node_modules/.installed ## ABI and bytecode of the contracts, committed
	cd contracts && $(FORGE) build src && node script/artifacts.js

artifacts-check: node_modules/.installed ## are they what the sources compile to?
	cd contracts && $(FORGE) build src --force && node script/artifacts.js --check

fmt: node_modules/.installed ## format everything
	cargo fmt --all
	cd contracts && $(FORGE) fmt

fmt-check: node_modules/.installed ## is everything formatted?
	cargo fmt --all --check
	cd contracts && $(FORGE) fmt --check

lint: ## clippy, warnings denied
	SQLX_OFFLINE=true cargo clippy --workspace --all-targets -- -D warnings

gas: build ## gas of receipts on anvil, as in docs/gas.md
	SQLX_OFFLINE=true cargo run -q -p icc-devnet --example gas

gas-check: build ## fails if a figure is more than 1 % above docs/gas.md
	SQLX_OFFLINE=true cargo run -q -p icc-devnet --example gas -- --check

terraform-test: build ## a validator is added to a devnet by `terraform apply`, and leaves by `destroy` (needs terraform)
	scripts/terraform-test.sh

chaos: build ## faults of every kind under load, an audit after each, and a table; about 25 minutes (ARGS=--list)
	SQLX_OFFLINE=true cargo run -q -p icc-testkit --bin chaos -- $(ARGS)

bench: bench/ponder/node_modules/.installed node_modules/.installed ## figures of docs/performance.md, measured anew; hours (ARGS="latency throughput")
	SQLX_OFFLINE=true cargo build --release -p icc -p icc-testkit
	target/release/bench $(ARGS)

bench/ponder/node_modules/.installed: bench/ponder/package.json bench/ponder/package-lock.json
	cd bench/ponder && npm ci --no-progress
	@touch $@

sqlx: node_modules/.installed ## offline data of the checked queries, from a PostgreSQL started for it
	scripts/sqlx-prepare.sh

clean: ## what was built
	cargo clean
	rm -rf contracts/out contracts/cache node_modules
