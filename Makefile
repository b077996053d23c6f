# `make run` builds and starts logmill with embedded defaults; `make test` runs every test.
# Both install what they need on a fresh Debian machine with Rust and a C compiler.

export CARGO_TERM_COLOR ?= auto
# Whether a change may land must not be a matter of luck: generated inputs are the same each time. `cargo test` alone,
# the fuzz targets and LOGMILL_SIM_RUNS look at others.
export PROPTEST_RNG_SEED ?= 1

# Most tests wait for servers, disks and clocks, so that one more than two cores have keeps both at work.
export RUST_TEST_THREADS ?= 3

TARGET = $(abspath $(or $(CARGO_TARGET_DIR),target))

.PHONY: run run-kafka test tools lint crash bench fuzz help

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

# Kafka is left out of the first one, since nothing else takes as long to build as OpenSSL, which comes with it.
QUICK = --profile quick --package logmill

run: ## builds and starts logmill; data goes to ./data
	cargo run $(QUICK) --no-default-features --features query -- serve

KAFKA_PORT ?= 19092

run-kafka: tools ## starts one Kafka broker and logmill on it, and stops both; data goes to ./data
	cargo build $(QUICK)
	@./tests/services/kafka.sh start ./data/kafka 1 $(KAFKA_PORT) auto.create.topics.enable=false
	@trap './tests/services/kafka.sh stop ./data/kafka' EXIT; \
		cargo run $(QUICK) -- serve --set queue.kafka.brokers=127.0.0.1:$(KAFKA_PORT)

test: tools ## runs every test, the crash runs included
	cargo build --workspace --all-targets
	LOGMILL_BINARY=$(TARGET)/debug/logmill cargo test --workspace

tools: ## installs what the tests need beside Rust
	@./tests/tools.sh

lint: ## what CI checks before the tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package logmill --no-default-features -- -D warnings
	cargo xtask tidy
	cargo deny --all-features --log-level error check licenses bans sources

bench: ## what each path costs, beside its limits
	cargo build --release --package logmill --package logmill-bench
	cargo run --release --package logmill-bench -- all

crash: ## kill -9 under load: make crash RUNS=200 SEED=1
	cargo build --package logmill
	cargo xtask crash --runs $(or $(RUNS),25) --seed $(or $(SEED),1)

FUZZ_VERSION = 0.13.2
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= json ndjson csv otlp encodings recovery settings
FUZZ_DIR = $(TARGET)/fuzz

fuzz: ## a minute of each fuzz target: make fuzz FUZZ_SECONDS=600 FUZZ_TARGETS=json
	@cargo fuzz --version 2>/dev/null | grep -qxF 'cargo-fuzz $(FUZZ_VERSION)' || \
		cargo install cargo-fuzz --locked --version $(FUZZ_VERSION)
	cargo fuzz build --sanitizer none --target-dir $(FUZZ_DIR)
	@set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ_DIR)/corpus/$$target; \
		cargo fuzz run --sanitizer none --target-dir $(FUZZ_DIR) $$target \
			$(FUZZ_DIR)/corpus/$$target fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) \
			-max_len=4096 -rss_limit_mb=1024 -timeout=10 -verbosity=0 -print_final_stats=1; \
	done
