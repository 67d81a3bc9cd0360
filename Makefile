# Two commands: `make quickstart` and `make test`. PYTHON and VENV can be chosen: make test PYTHON=python3.12 VENV=/path
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: quickstart test lint install install-dev clean

quickstart: install
	@$(BIN)/python tools/quickstart.py

# Two processes of one thread each are faster than one process of two threads; a module's tests share their fixtures.
test: install-dev lint
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadscope

lint: install-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "error: $(PYTHON) is older than 3.10; name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@echo "Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "error: $(PYTHON) cannot make virtual environments; install its venv module (Debian: python3-venv)"; exit 2; }

# The stamps are as old as the last installation, so a second run starts at once and a changed file installs again.
$(VENV)/.installed: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing (PyTorch is a large download: some minutes the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need (PyTorch is a large download: some minutes the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) data/synthetic
