# Needs CPython 3.11 or later with venv and pip, and make. The rest is set up in .venv,
# pinned by requirements/*.txt.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON := .venv/bin/python
OTHER_VERSIONS := 3.11 3.12 3.13
# The examples of one page need one another, so a file stays on one worker.
PARALLEL_PYTEST := -m pytest --numprocesses 2 --dist loadfile
WITHOUT_GAUNTLET := --ignore tests/gauntlet
# What is the same on every CPython: figures, pages, formulas, other libraries beside each other,
# the demo, what is read and not run; and the docs' examples.
ON_ONE_VERSION := tests/test_benchmarks.py tests/analysis/test_page_in_chromium.py \
    tests/testing/test_real_pairs.py tests/testing/test_real_package.py tests/test_demo.py \
    tests/test_docs.py tests/test_layers.py tests/test_packaging.py \
    tests/analysis/test_page.py tests/analysis/test_bounds.py tests/analysis/test_fisher.py \
    tests/cli/test_bad_input.py
TESTS_ON_EACH_VERSION := --hypothesis-profile fewer tests src $(ON_ONE_VERSION:%=--ignore %)
# What is measured needs a core to itself.
GAUNTLET_PYTEST := -m pytest --numprocesses 2
# How a process ends differs from version to version.
ON_EACH_VERSION := tests/gauntlet/test_exit.py tests/gauntlet/test_shutdown.py \
    tests/gauntlet/test_delivery.py
# Where attrs and wrapt are used for more than making classes.
WITH_LOWEST := tests/test_shapes.py tests/test_decorator.py tests/test_wrappers.py \
    tests/test_immutable.py tests/test_model.py tests/test_policy.py tests/test_describe.py
PERFORMANCE := docs/performance.md
IS_IT_SAFE := docs/guides/is-it-safe.md
TESTING := docs/guides/testing.md
PIP_INSTALL := -m pip --disable-pip-version-check install -qq --no-deps --no-compile

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1@/p' Makefile | awk -F@ '{ printf "make %-8s %s\n", $$1, $$2 }'

.PHONY: demo
demo: .venv/demo.stamp ## Set up, and show a dark launch on the docstrings of the standard library
	@$(PYTHON) -m darkcall demo

.PHONY: test
test: checks coverage gauntlet lowest versions ## Set up, and run all that CI runs

# What reads the code and does not run it, side by side.
.PHONY: checks
checks: .venv/dev.stamp
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint types layers

.PHONY: lint
lint: .venv/dev.stamp ## Check style and format
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

.PHONY: format
format: .venv/dev.stamp ## Mend style and format where that can be done
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

.PHONY: types
types: mypy basedpyright ## Check types with mypy and basedpyright

.PHONY: mypy basedpyright
mypy basedpyright: .venv/dev.stamp
	$(PYTHON) -m $@

.PHONY: layers
layers: .venv/dev.stamp ## Check that each layer imports only what stands below it
	.venv/bin/lint-imports --no-logo

.PHONY: coverage
coverage: .venv/dev.stamp .chromium/stamp ## Run the tests and the docs' examples; all lines and branches must run
	$(PYTHON) $(PARALLEL_PYTEST) $(WITHOUT_GAUNTLET) --cov --cov-report=term:skip-covered

.PHONY: docs
docs: .venv/dev.stamp ## Run the examples of README, docs and docstrings
	$(PYTHON) -m pytest README.md docs src

.PHONY: gauntlet
gauntlet: .venv/dev.stamp ## Run only what hurts, and show what was measured
	$(PYTHON) $(GAUNTLET_PYTEST) tests/gauntlet

.PHONY: fuzz
fuzz: .venv/dev.stamp ## Forty thousand hostile values instead of six hundred (about fifteen minutes)
	@set -e; seed=$${HOSTILE_SEED:-$$(date +%s)}; echo "HOSTILE_SEED=$$seed"; \
	HOSTILE_SEED=$$seed HOSTILE_EXAMPLES=20000 $(PYTHON) -m pytest --timeout 0 tests/gauntlet/test_hostile_values.py

.PHONY: soak
soak: .venv/dev.stamp ## Ten minutes of mixed load; memory, threads and descriptors must stay flat
	$(PYTHON) benchmarks/soak.py

.PHONY: faults
faults: .venv/dev.stamp ## The same faults for darkcall and for others (four minutes)
	$(PYTHON) benchmarks/faults.py

# A row that misses what it is to hold is written as such; the next script runs all the same.
.PHONY: bench
bench: .venv/dev.stamp .venv-peers/stamp ## Measure, and write the tables of the docs (an hour)
	-$(PYTHON) benchmarks/ratios.py --write $(PERFORMANCE)
	$(PYTHON) benchmarks/import_time.py --write $(PERFORMANCE)
	$(PYTHON) benchmarks/calls.py --write $(PERFORMANCE)
	$(PYTHON) benchmarks/peers.py --write $(PERFORMANCE)
	$(PYTHON) benchmarks/processes.py --write $(PERFORMANCE)
	-$(PYTHON) benchmarks/neighbours.py --write $(PERFORMANCE)
	-$(PYTHON) benchmarks/mutants.py --write $(IS_IT_SAFE)
	-$(PYTHON) benchmarks/equivalence.py --write $(TESTING)

.PHONY: peers
peers: .venv-peers/stamp ## Install what benchmarks/peers.py compares with, each into a folder of its own

.PHONY: versions
versions: environments $(OTHER_VERSIONS:%=tests-%) ## Run the tests on the machine's other CPythons

# Side by side: most of it is unpacking.
.PHONY: environments
environments: .venv/dev.stamp
	@own=$$($(PYTHON) --version); stamps=; for version in $(OTHER_VERSIONS); do \
	    case "$$own" in "Python $$version."*) continue;; esac; \
	    if scripts/find-python $$version >/dev/null; then stamps="$$stamps .venv-$$version/test.stamp"; fi; \
	done; \
	if [ -n "$$stamps" ]; then $(MAKE) --no-print-directory --jobs 2 $$stamps; fi

tests-%: .venv/dev.stamp
	@set -e; case "$$($(PYTHON) --version)" in "Python $*."*) exit;; esac; \
	if scripts/find-python $* >/dev/null; then \
	    $(MAKE) --no-print-directory .venv-$*/test.stamp; \
	    for tests in "$(PARALLEL_PYTEST) $(WITHOUT_GAUNTLET) $(TESTS_ON_EACH_VERSION)" "$(GAUNTLET_PYTEST) $(ON_EACH_VERSION)"; do \
	        echo ".venv-$*/bin/python $$tests"; \
	        .venv-$*/bin/python $$tests; \
	    done; \
	else \
	    echo "CPython $* was not found: nothing was run on it"; \
	fi

.PHONY: lowest
lowest: .venv/dev.stamp .venv-lowest/stamp ## Run what rests on attrs and wrapt with the oldest of them
	PYTHONPATH=.venv-lowest $(PYTHON) $(PARALLEL_PYTEST) $(WITH_LOWEST)

.PHONY: lock
lock: ## Pin the newest versions in requirements/*.txt
	scripts/lock --upgrade

.PHONY: clean
clean: ## Remove what was set up and built
	rm -rf .venv .venv-* .chromium dist .coverage .coverage.* .benchmarks .hypothesis .import_linter_cache
	rm -rf .mypy_cache .pytest_cache .ruff_cache

.PRECIOUS: .venv-%/bin/python
.venv/bin/python:
	@echo "Setting up .venv"
	@python=$$(scripts/find-python) && "$$python" -m venv --clear .venv

.venv-%/bin/python:
	@echo "Setting up .venv-$*"
	@python=$$(scripts/find-python $*) && "$$python" -m venv --clear .venv-$*

# A stamp says that a lock is installed as it stands. Nothing is fetched that is not in the lock.
define install
@echo "Installing $< into $(1)"
@$(1)/bin/python $(PIP_INSTALL) --require-hashes -r $<
@$(1)/bin/python $(PIP_INSTALL) --no-build-isolation --editable .
@touch $@
endef

.venv/%.stamp: requirements/%.txt pyproject.toml | .venv/bin/python
	$(call install,.venv)

.venv-%/test.stamp: requirements/test.txt pyproject.toml | .venv-%/bin/python
	$(call install,.venv-$*)

# The tests of the page say that they are skipped where there is no Chromium.
.chromium/stamp: scripts/get-chromium
	@mkdir -p .chromium; \
	if command -v "$${CHROMIUM:-chromium}" >/dev/null; then :; \
	elif command -v npm >/dev/null && [ "$$(uname -sm)" = "Linux x86_64" ]; then \
	    echo "Installing Chromium into .chromium"; scripts/get-chromium; \
	else echo "No Chromium, and no npm that brings one: nobody looks at the page in a browser"; fi
	@touch $@

# Three of them bring a package of the same name.
.venv-peers/stamp: requirements/peers.txt | .venv/bin/python
	@echo "Installing $< into .venv-peers"
	@rm -rf .venv-peers
	@$(PYTHON) -m pip --disable-pip-version-check wheel -qq --no-deps --require-hashes \
	    --wheel-dir .venv-peers/wheels -r $<
	@set -e; for wheel in .venv-peers/wheels/*.whl; do \
	    name=$$(basename "$$wheel" | sed 's/-.*//; s/_/-/g'); \
	    $(PYTHON) $(PIP_INSTALL) --target ".venv-peers/$$name" "$$wheel"; \
	done
	@touch $@

# Stands before .venv on the path, instead of in one more environment.
.venv-lowest/stamp: requirements/lowest.txt | .venv/bin/python
	@echo "Installing $< into .venv-lowest"
	@$(PYTHON) $(PIP_INSTALL) --require-hashes --upgrade --target .venv-lowest -r $<
	@touch $@
