# make setup | demo | test | fast | lint | clean.    DEVICE=cuda on a machine with NVIDIA GPUs.
PYTHON ?= python3
DEVICE ?= cpu
BIN := .venv/bin
READY := .venv/.ready-$(DEVICE)

.PHONY: setup demo test fast lint clean
setup: $(READY)

$(READY): pyproject.toml requirements/$(DEVICE).txt requirements/torch.txt requirements/install
	PYTHON="$(PYTHON)" requirements/install $(DEVICE)
	touch $@

demo: $(READY)
	$(BIN)/grader demo

fast: $(READY)
	$(BIN)/python -m pytest -m "not slow and not gpu" -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint fast
	$(BIN)/python -m pytest -m "slow and not gpu"

clean:
	rm -rf .venv demo
