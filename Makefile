# Two commands: `make run` serves the app, `make test` runs every test. Both make .venv once and reuse it. Whoever changes
# something runs `make check` first, which takes a minute and a half.
# Another interpreter: make run PYTHON=python3.12. Options of the app: make run ARGS="--port 7861".

SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
ARGS ?=

PIP = $(VENV)/bin/python -m pip --disable-pip-version-check install -c constraints.txt
PASSED_OVER = $(shell sed -nE 's/^([A-Z]+-[[:alnum:]-]+) .*/--ignore-vuln \1/p' .ci/advisories.txt | sort -u)
# Pytest's 5: none was collected. Of some that were asked for, all may be in the other half.
OR_NONE = $(if $(ARGS),|| test $$? = 5)
CHROMIUM = $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.DEFAULT_GOAL := help
.PHONY: help run check lint types quick test browser-test other-test bench-test docs catalogue audit figures format clean chromium

help: ## what can be made here
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /make \1|/' | column -t -s '|'

run: $(VENV)/.installed ## start the app and print its address
	$(VENV)/bin/python app.py $(ARGS)

# Two at a time: types take one core and quick tests the other. The same three stand in .pre-commit-config.yaml.
check: $(VENV)/.installed-dev ## check a change: style, types, quick tests (90 s on two cores)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line lint types quick

lint: $(VENV)/.installed-dev ## check style: format and common mistakes
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.installed-dev ## check types
	$(VENV)/bin/mypy pipelines ui app.py

quick: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -m "not slow and not browser and not benchmark" $(ARGS)

# Two at a time, a core each. Both tell how far they are as they go, so what they say stands mixed.
test: chromium $(VENV)/.installed-dev ## run every test (about an hour on two cores; needs Chromium)
	@$(MAKE) --no-print-directory --jobs=2 --keep-going browser-test other-test

browser-test: chromium $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -m "browser" $(ARGS) $(OR_NONE)

other-test: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -m "not browser" $(ARGS) $(OR_NONE)

bench-test: $(VENV)/.installed-dev ## run the tests of benchmarks/
	$(VENV)/bin/python -m pytest -m benchmark $(ARGS)

chromium:
	@test -n "$(CHROMIUM)" || { echo "The browser tests need Chromium: install it (Debian: sudo apt-get install chromium), then run make test again." >&2; exit 2; }

docs: $(VENV)/.installed-dev ## build a site of docs/ with the API reference in site/
	$(VENV)/bin/python -m mkdocs build --strict --quiet

catalogue: $(VENV)/.installed-dev ## read all texts anew into pipelines/languages/*.pot and *.po
	$(VENV)/bin/python -m tests.catalogue

# By a tool in an environment of its own, which goes again: it needs much that the app does not. --strict: a pin of which
# the database says nothing, as where it cannot be reached, is no pin without advisories.
audit: ## ask PyPI for advisories about every pin (needs the network)
	@tools=$$(mktemp -d) && trap 'rm -rf -- "$$tools"' EXIT \
	&& $(PYTHON) -m venv "$$tools" \
	&& "$$tools/bin/python" -m pip --disable-pip-version-check install --quiet pip-audit==2.10.1 \
	&& "$$tools/bin/pip-audit" --strict --no-deps --disable-pip --requirement constraints.txt \
		$(PASSED_OVER)

# All that hangs on the weights of cleft inpainting, one after the other: the scale and its version go with them, the
# tables into docs/figures.md by hand. Each command keeps its scores, so that an interrupted call goes on where it stopped.
figures: $(VENV)/.installed-dev ## measure the weights anew (hours; DATA=, LOSS=, MASKED=, EMBEDDER=)
	@test -n "$(DATA)" -a -n "$(LOSS)" || { echo "Name the folder of held-out faces and that of the loss networks: make figures DATA=faces LOSS=weights." >&2; exit 2; }
	$(VENV)/bin/python -m benchmarks.inpainting --data $(DATA) --weights-dir $(LOSS) --workers 2
	$(VENV)/bin/python -m benchmarks.surroundings --data $(DATA)
	$(VENV)/bin/python -m benchmarks.surroundings --data $(DATA) --job anomaly-scoring --out runs/surroundings-scored
	$(VENV)/bin/python -m benchmarks.seams --data $(DATA) --weights-dir $(LOSS) \
		$(if $(MASKED),--masked $(MASKED),--sets val pairs)
	$(VENV)/bin/python -m benchmarks.grid --data $(DATA)
	$(VENV)/bin/python -m benchmarks.groups --data $(DATA) --weights-dir $(LOSS)
	$(VENV)/bin/python -m benchmarks.mouths --data $(DATA)
	$(VENV)/bin/python -m benchmarks.anomaly_scale --data $(DATA) --weights-dir $(LOSS) --workers 2
	$(VENV)/bin/python -m benchmarks.anomaly --data $(DATA) --weights-dir $(LOSS) --skip 80
	$(VENV)/bin/python -m benchmarks.mask_removal --data $(DATA) --weights-dir $(LOSS) --methods cleft-inpainting \
		$(if $(MASKED),--masked $(MASKED),--sets val pairs) $(if $(EMBEDDER),--embedder $(EMBEDDER))
	$(VENV)/bin/python -m benchmarks.latency

format: $(VENV)/.installed-dev ## mend style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean: ## remove the environment and caches; photos, runs and weights stay
	@if [ -e "$(VENV)/pyvenv.cfg" ]; then rm -rf -- "$(VENV)"; fi
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis build philtrum.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || { echo "Philtrum needs Python 3.11 or 3.12: name one, as in make run PYTHON=python3.12." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf -- "$(VENV)"; echo "Python could not make an environment (Debian and Ubuntu: sudo apt-get install python3-venv), then run make again." >&2; exit 2; }

# A stamp is newer than the files that it installed from, so pip runs again only when one of those changes.
$(VENV)/.installed: requirements.txt constraints.txt | $(VENV)/pyvenv.cfg
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(PIP) -r requirements-dev.txt
	@touch $@
