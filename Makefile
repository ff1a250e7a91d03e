# make demo   the main job on drawn scenes: installs, three classifiers, four variants, prints where the report is
# make test   everything CI checks
# make format lays out the code
# make results          measures what README, recipes and docs state: DATA=…, QUICK=1, ONLY=…, FINAL=1 (CONTRIBUTING.md)
# make results-tables   writes the tables and the recipes from what was measured
PYTHON ?= python3
VENV := .venv
RUN := runs/scenes
DATA ?= ../shared/data
export OMP_NUM_THREADS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: demo test lint format clean results results-tables

demo: $(VENV)/.demo
	$(VENV)/bin/patchlearn run patchlearn/recipes/scenes.yaml --out $(RUN)

results: $(VENV)/.demo
	$(VENV)/bin/python benchmarks/make_results.py --data $(DATA) --only '$(ONLY)' \
		$(if $(QUICK),--quick) $(if $(FINAL),--final)

results-tables: $(VENV)/.demo
	$(VENV)/bin/python benchmarks/make_results.py --tables

test: lint
	OMP_NUM_THREADS=1 $(VENV)/bin/pytest -n 2

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/.demo $(VENV)/.dev: $(VENV)/.%: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[$*]'
	touch $@
