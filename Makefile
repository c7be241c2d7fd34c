# make demo   reviews an example system, and leaves the command in .venv/bin/datakeel
# make test   checks and tests everything, as continuous integration does
# make prove-all   proves every project of examples/generate in full, faults and all, on an environment of its own
# make mutants     takes protections out of the projects of the three seeds, and tells which their tests and a review notice;
#                  and out of well-built modules, and tells which a review names
# make references  writes docs/patterns.md, docs/checklist.md and docs/accuracy.md anew
# A Python other than the first suitable one on the path: make PYTHON=python3.13 test

.PHONY: demo test prove-all mutants references clean
.DELETE_ON_ERROR:

demo: .venv/installed
	@.venv/bin/datakeel --help >/dev/null  # a command that cannot start ends with 1, as one that finds something does
	.venv/bin/datakeel review examples/review/shop || test $$? -eq 1

test: .venv/installed-dev
	scripts/check
	scripts/test -n 2

prove-all: .venv/installed-dev
	.venv/bin/python -m bench.prove

mutants: .venv/installed-dev
	.venv/bin/python -m bench.mutants
	.venv/bin/python -m bench.mutation

references: .venv/installed-dev
	.venv/bin/datakeel patterns --format markdown --output docs/patterns.md
	.venv/bin/datakeel checklist --format markdown --output docs/checklist.md
	.venv/bin/python -m bench.judged page --output docs/accuracy.md

clean:
	rm -rf .venv .venv-projects .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

.venv/installed: pyproject.toml | .venv/bin/python
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/installed-dev: pyproject.toml | .venv/bin/python
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch .venv/installed $@

# Each candidate is run, not only looked up: a name on the path can be an empty shim, and some systems ship Python without venv.
.venv/bin/python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	    if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "creating .venv with $$($$python --version)"; \
	        exec $$python -m venv .venv; \
	    fi; \
	done; \
	echo "datakeel needs Python 3.11 or later with its venv module, and none was found on the path." >&2; \
	echo "Install one (on Debian and Ubuntu: python3 and python3-venv), or name it: make PYTHON=/path/to/python" >&2; \
	exit 1
