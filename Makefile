# `make help` lists what there is. Needs only make and a Python 3.11 or newer;
# PYTHON=/path/to/python chooses one.

PYTHON = python3 python3.14 python3.13 python3.12 python3.11 python
BIN = .venv/bin

# What mypy reads: every package and module of the project (tests/unit/test_house_rules.py compares).
ROOMS = admin benchmarks bot catalog chaos db dev ghala jobs keeping orders payments sandbox simulation
MODULES = app.py config.py errors.py languages.py measuring.py observing.py records.py redis_address.py wsgi.py

.PHONY: help install run test check lint fmt types imports crawl flow screenshots audit lock sbom reset clean fuzz chaos simulate mutants bench bench-quick

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: install ## Open the demo shop on this machine: shop, worker, sandbox phone; Ctrl-C stops it
	@$(BIN)/python -m dev

test: install ## Check, then run every test (ARGS=... for pytest); what is skipped says why
	@$(MAKE) check
	@$(BIN)/python -m dev.testing $(ARGS)

check: lint types imports ## Lint, format, types and import rules, as before every commit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy --strict --explicit-package-bases $(ROOMS) $(MODULES)

imports: install
	$(BIN)/lint-imports

fmt: install ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

fuzz: install ## Send a hundred thousand hostile requests to shops with payments under way and to their consoles; ARGS='--seed 1' repeats it
	@$(BIN)/python -m tests.fuzz $(ARGS)

crawl: install ## Walk the whole conversation and print what a purchase costs in messages and bytes
	@$(BIN)/python -m tests.crawler $(ARGS)

flow: install ## Draw the conversation into docs/flow.md
	$(BIN)/python -m bot.diagram

templates: install ## Write docs/templates.md, the list for whoever registers WhatsApp's templates
	$(BIN)/python -m bot.templates

bench: install ## Measure how fast the shop is and print tables, 20 minutes (ARGS=... for one part)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-quick: install ## The same in two minutes, saying less
	@$(BIN)/python -m benchmarks --quick $(ARGS)

chaos: install ## Break the running shop in every way and print how it got up again (ARGS=... for one way)
	$(BIN)/python -m chaos $(ARGS)

screenshots: install ## Take the documentation's pictures into docs/images (needs a Chromium)
	$(BIN)/python -m dev.screenshots

install: ## Make .venv with everything in it (the others do this by themselves)
	@for python in $(PYTHON); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec "$$python" dev/install.py; \
	  fi; \
	done; \
	echo "Duka needs Python 3.11 or newer and found none as: $(PYTHON). PYTHON=/path/to/python make ... names one." >&2; \
	exit 1

simulate: install ## Run the shop through 10,000 customers and 100,000 faults in virtual time (SEED=n replays one seed)
	@$(BIN)/python -m simulation $(if $(SEED),--seed $(SEED)) $(if $(CUSTOMERS),--customers $(CUSTOMERS)) $(ARGS)

mutants: install ## Plant bugs in the shop and see the simulation catch each
	@$(BIN)/python -m simulation --mutants $(ARGS)

audit: install ## Compare the pinned packages with the known vulnerabilities (asks an advisory service)
	@$(BIN)/python -m dev.audit

lock: install ## Write what the pinned packages need, and the hash of every file, into the requirements
	$(BIN)/python -m dev.lock

sbom: install ## Write what Duka is made of into var/sbom.json (CycloneDX)
	@mkdir -p var
	$(BIN)/python -m dev.sbom > var/sbom.json

reset: install ## Delete the shop's data in var/ after asking (YES=1 does not ask)
	@$(BIN)/python -m dev.reset

clean: ## Delete .venv and every cache, but no data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
