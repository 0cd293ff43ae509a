# make run    from nothing to the figures of the default configuration, on the generated world
# make run-all  the same of every study
# make report   the page of what was run and what it showed, and the explorer, of whatever results are there
# make check  the quick tests, nothing trained
# make test   the whole test suite but the cluster's, which is make test-cluster (as root)
# make lint   the style checks of the tests alone
# make site   the documentation as a site, in site/index.html
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)
# deepspeed builds no kernels and asks no compiler at installation; hub and telemetry stay silent in runs
export DS_BUILD_OPS := 0
export HF_HUB_OFFLINE ?= 1
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: run run-all report check test test-cluster lint site install

install: $(VENV)/installed

# the marker is written last, so that an interrupted installation is taken up again
$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is needed, $$($(PYTHON) --version) was found; set PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "make: no virtual environment could be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip setuptools wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@# pip compiles what it installs, but not this tree; where Python may write no bytecode, each job would compile it again
	$(BIN)/python -m compileall -q src
	@touch $@

run: install
	snakemake --profile profiles/local

run-all: install
	snakemake --profile profiles/local --configfile config/examples/all-studies.yaml

report: install
	polytune build-report --results results
	polytune build-explorer --results results --output results/explorer/explorer.html

check: install
	$(BIN)/python -m pytest -n 2 --dist worksteal -m unit $(PYTEST_OPTIONS)

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_OPTIONS)

test-cluster: install
	$(BIN)/python -m pytest tests/slurm $(PYTEST_OPTIONS)

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/snakefmt --check Snakefile workflow && snakemake --lint

site: install
	$(BIN)/zensical build --strict --clean
