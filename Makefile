# `make run` builds and starts logmill with embedded defaults; `make test` runs every test.
# Both install what they need on a fresh Debian machine with Rust and a C compiler.

export CARGO_TERM_COLOR ?= auto

.PHONY: run test tools lint crash bench help

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: ## builds and starts logmill; data goes to ./data
	cargo run --release --package logmill -- serve

test: tools ## runs every test, the crash runs included
	cargo build --workspace --all-targets
	cargo test --workspace

tools: ## installs what the tests need beside Rust
	@./tests/tools.sh

lint: ## what CI checks before the tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo xtask tidy
	cargo deny --all-features --log-level error check licenses bans sources

bench: ## what each path costs, beside its limits
	cargo build --release --package logmill --package logmill-bench
	cargo run --release --package logmill-bench -- all

crash: ## kill -9 under load: make crash RUNS=200 SEED=1
	cargo build --package logmill
	cargo xtask crash --runs $(or $(RUNS),25) --seed $(or $(SEED),1)
