# make demo   the main job on drawn scenes: installs, three classifiers, four variants, prints where the report is
# make test   everything CI checks
# make format lays out the code
PYTHON ?= python3
VENV := .venv
RUN := runs/scenes
export OMP_NUM_THREADS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: demo test lint format clean

demo: $(VENV)/.demo
	$(VENV)/bin/patchlearn run patchlearn/recipes/scenes.yaml --out $(RUN)

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
