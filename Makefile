# make demo, make test, make study, make docs, make lint, make lock. Everything happens in .venv/ of this checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-from-lock
UV ?= $(BIN)/uv

.PHONY: demo study test docs lint lock install clean

demo: install
	$(BIN)/dozens demo --size demo --out runs/demo

study: install
	$(BIN)/dozens demo --size study --out runs/study

test: install
	$(BIN)/python -m pytest -n auto --dist loadfile

# Pages of the skeletons (kept in git) and of the code (site/); any warning stops it.
docs: install
	$(BIN)/python docs/skeleton_pages.py
	PDOC_ALLOW_EXEC=1 $(BIN)/python -W error -m pdoc --docformat google -o site posepile affine_combining training evaluation serving

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

install: $(INSTALLED)

# The project itself goes in editable, so that the data files and the code that run are those of the checkout.
# A half-made .venv is taken up again: the stamp is written last.
$(INSTALLED): requirements.lock setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "dozens needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	    { echo "$(PYTHON) has no venv module. On Debian: apt-get install python3-venv"; exit 2; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# Exact versions and hashes for Python 3.11-3.13, of what the demo and the tests need.
lock:
	test -x $(UV) || $(BIN)/pip install --quiet uv
	$(UV) pip compile setup.py --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --extra jax --extra prepare --extra export --extra serving --extra docs --extra test --extra build \
	    -o requirements.lock
	$(UV) pip compile setup.py --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --extra gpu --extra prepare --extra export --extra build --constraint requirements.lock -o requirements-gpu.lock

clean:
	rm -rf $(VENV) runs build ./*.egg-info
