# make demo: a simulated study from beads to answers.  make test: checks and tests.  Python >= 3.11 is all they need.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# uv from PATH if it works, else one of our own in .venv-uv (apart from .venv, which `uv sync` manages)
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .venv-uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
READY := .venv/.ready
DEMO := demo
# one line a job, and errors
MESSAGES := awk '/^Job [0-9]+: / { sub(/^Job [0-9]+: /, "  "); print; fflush() } /[Ee]rror/ { print; fflush() }'

# `make run CONFIG=my_config.yaml`; without it config/config.yaml
CONFIGFILE := $(if $(CONFIG),--configfile "$(CONFIG)")

.PHONY: help setup run demo test test-all mutants lint docs page site benchmark benchmark-summary release-check clean

help:
	@echo "make demo       simulate a small study, run the whole path on it, query it, compare with the planted truth"
	@echo "make run        your own plates: config/plates.tsv (or CONFIG=my_config.yaml) to results and a report"
	@echo "make test       lint, type checks, the fast half of the tests (about four minutes on two cores)"
	@echo "make test-all   the same with the slow half: workflow, kernels without numba, Slurm where there is one"
	@echo "make mutants    put small faults into a copy, one by one, and see whether a test notices each"
	@echo "make lint       only the checks"
	@echo "make docs       write what is generated from the code (config/, docs/reference/, tables of docs/methods/)"
	@echo "make page       the page of beadwork serve, from web/ (needs node and npm)"
	@echo "make site       the documentation as pages, site/index.html"
	@echo "make benchmark  time and memory of a 384-well plate, into docs/validation/benchmarks.md"
	@echo "make benchmark-summary  every aim, and whether the newest recorded figure meets it"
	@echo "make release-check  build the packages, install them into an empty environment, try them there"
	@echo "make clean      remove the demo, caches and the environment"

.venv-uv/bin/uv:
	@echo "setting up uv in .venv-uv ..."
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@python3 -m venv .venv-uv || { echo "python3 -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@.venv-uv/bin/python -m pip install --quiet --disable-pip-version-check uv

$(READY): pyproject.toml uv.lock | $(filter .venv-uv/bin/uv,$(UV))
	@echo "setting up the environment in .venv ..."
	@$(UV) sync --frozen --quiet
	@$(RUN) beadwork self-test
	@touch $@

setup: $(READY)

run: $(READY)
	$(RUN) snakemake --cores all $(CONFIGFILE)

demo: $(READY)
	@rm -rf $(DEMO)
	@echo "== simulating two cell lines, three replicate plates each =="
	@$(RUN) beadwork simulate -o $(DEMO)/data --plates 6 --wells 96 --beads-mean 40 --seed 7
	@echo "== running the workflow =="
	@$(RUN) snakemake --cores all --configfile config/examples/demo.yaml 2>&1 | $(MESSAGES) \
		|| { echo "the workflow failed; the newest file in .snakemake/log/ says why"; exit 1; }
	@echo "== what was found, against what was planted =="
	@$(RUN) beadwork check-truth $(DEMO)/data $(DEMO)/results -o $(DEMO)/results/truth.tsv
	@echo
	@echo "matrices of each plate   $(DEMO)/results/SIM*/       (GCTX, levels 2 to 4)"
	@echo "signatures               $(DEMO)/results/signatures/ and siginfo.tsv"
	@echo "QC rows                  $(DEMO)/results/qc.tsv"
	@echo "index and answers        $(DEMO)/results/index/, $(DEMO)/results/queries/"
	@echo "report                   $(DEMO)/results/report/index.html"

lint: $(READY)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) snakefmt --check Snakefile workflow
	$(RUN) python docs/generate.py --check

test: lint
	$(RUN) pytest -n 2 --dist loadfile -m "not slow"

# three: the worker of the tests on Slurm mostly waits
test-all: lint
	$(RUN) pytest -n 3 --dist loadfile

mutants: $(READY)
	$(RUN) python tests/mutants.py $(NAME)

docs: $(READY)
	$(RUN) python docs/generate.py

web/node_modules/.ready: web/package-lock.json
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

page: web/node_modules/.ready
	@node web/build.mjs

site: $(READY)
	@$(UV) sync --frozen --quiet --group docs
	@NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict --quiet
	@echo "documentation            site/index.html"

benchmark: $(READY)
	$(RUN) python benchmarks/speed/plates.py

benchmark-summary: $(READY)
	$(RUN) python benchmarks/summary.py

release-check: $(READY)
	$(RUN) python tests/release_check.py

clean:
	rm -rf $(DEMO) site .venv .venv-uv .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
