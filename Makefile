# make setup | demo | test | fast | lint | words | nightly | docs | debian-packages | bench-train | bench-trust | bench-serve | bench-overload | gpu-check | chaos | stops | outage | fuzz-api | clean.    DEVICE=cuda on a machine with NVIDIA GPUs.
PYTHON ?= python3
DEVICE ?= cpu
BIN := .venv/bin
READY := .venv/.ready-$(DEVICE)
RUN := demo/runs/latest

.PHONY: setup demo test pytest fast nightly lint code types imports words docs debian-packages clean bench-train bench-trust bench-serve bench-overload gpu-check chaos stops outage fuzz-api
.DELETE_ON_ERROR:
# Where it is set, as in some containers, every process of a test would compile all modules again: 0.5 s each.
export PYTHONDONTWRITEBYTECODE :=

setup: $(READY)

$(READY): pyproject.toml requirements/$(DEVICE).txt requirements/torch.txt requirements/install
	PYTHON="$(PYTHON)" requirements/install $(DEVICE)
	touch $@

# The complete pipeline on the sample labs. Each step is an ordinary command; a step with a result is skipped.
demo: demo/evaluation/evaluation.json demo/regraded/marks.csv
	$(BIN)/grader demo --model $(RUN) --lab demo/labs/cpp_second_largest --student s112
	@echo
	@echo "Review the proposed ratings of this lab in the browser:"
	@echo GRADER_STORE=demo/grader.db $(BIN)/grader serve --model $(RUN) --labs demo/labs --course demo
	@echo "http://127.0.0.1:8000/app/lab?course=demo&lab=cpp_second_largest"

# The sample labs, with what happened when their programs were run. A lab that cannot be observed, for example without
# bubblewrap or javac, is graded by reading.
demo/observed: $(wildcard labs/*/*.* labs/*/submissions/*/*) | $(READY)
	rm -rf demo/labs
	mkdir -p demo
	cp -r labs demo/labs
	for lab in demo/labs/*/; do $(BIN)/grader observe $$lab || true; done
	touch $@

demo/data/manifest.json: demo/observed | $(READY)
	$(BIN)/grader build-dataset --parent-dir demo/labs --eval-lab-names python_parking_fee --prompt compact \
	  --train-dataset-path demo/data/train.jsonl --test-dataset-path demo/data/test.jsonl

$(RUN)/manifest.json: demo/data/manifest.json
	$(BIN)/grader model pull smollm2-135m
	$(BIN)/grader train --config training/recipes/head.yaml --dataset demo/data --output-dir demo/runs --set head.labs=demo/labs

demo/evaluation/evaluation.json: $(RUN)/manifest.json
	$(BIN)/grader evaluate $(RUN) --parent-dir demo/labs --out demo/evaluation --no-base

# Grades for the review pages, in a store of their own.
demo/regraded/marks.csv: $(RUN)/manifest.json
	GRADER_STORE=demo/grader.db $(BIN)/grader regrade demo/labs/cpp_second_largest --model $(RUN) --out demo/regraded --course demo

fast: $(READY)
	$(BIN)/python -m pytest -m "not slow and not nightly and not gpu" -n 2

# Two at a time, as each of them uses one processor.
lint: $(READY)
	@$(MAKE) --no-print-directory -j 2 --output-sync=target types code imports words

code: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

# Words and phrases that the project does not use. `.ci/words/check.py --count` counts them per folder.
words: $(READY)
	$(BIN)/python .ci/words/check.py

# The documentation site, in site/.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# Debian packages for tests, installed if they are missing and we are root: Chromium opens the report, nginx runs deploy/nginx.conf.
debian-packages:
	requirements/debian-package chromium-headless-shell chromium-headless-shell
	requirements/debian-package nginx nginx
	requirements/debian-package bubblewrap bwrap

# Three test processes, as two leave cores idle while they wait for services and browsers. Lint runs at the same time.
test: debian-packages
	@$(MAKE) --no-print-directory -j 3 types code imports words pytest

pytest: $(READY)
	$(BIN)/python -m pytest -m "not nightly and not gpu" -n 3

# The long repetitions: 50 kills, 300 truncations, every stack of attacks, Ray, every way to train.
nightly: debian-packages $(READY)
	$(BIN)/python -m pytest -m "nightly and not gpu" -n 2
	$(MAKE) chaos stops outage

# Uses the rows of labs/, or of BENCH="DATASET MODEL", such as BENCH="demo/data ~/.cache/grader/models/smollm2-135m".
bench-train: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.training.cost $(BENCH)

# A head on SmolLM2. TRUST="--labs FOLDER" uses other labs than the sample labs, --recipe FILE another way to train.
bench-trust: $(READY)
	$(BIN)/python -m benchmarks.trust.figures $(TRUST)

# LABS="--labs FOLDER" uses the submissions of other labs than the sample labs.
bench-serve: $(READY)
	$(BIN)/python -m benchmarks.serving.cost $(LABS)

# Under 8 minutes on an H200: compiled FlexAttention, LoRA and QLoRA at real shapes, merge, vLLM with adapters. Writes
# gpu-check/gpu-check.json and a page for docs/measurements. Without a GPU it prints the steps and their memory.
gpu-check: $(READY)
	$(BIN)/python -m benchmarks.gpu_check $(GPU_CHECK)

# Overloads a synthetic engine tenfold for a minute; reports refusals, their latency and memory.
bench-overload: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.serving.overload

# Kills 1 and 3 workers, and grader regrade, in the middle of a job, over SQLite and PostgreSQL: 10 minutes.
# CHAOS="--workers 3 --store sqlite" for one of them.
chaos: $(READY)
	$(BIN)/python -m benchmarks.durability.chaos $(CHAOS)

# stops: stops a service under load with SIGTERM, 20 times.
# outage: stops PostgreSQL for 75 s, then freezes it for 30 s, and each again with a SIGTERM to the service during the outage.
stops: $(READY)
	$(BIN)/python -m benchmarks.durability.stops $(STOPS)

outage: $(READY)
	$(BIN)/python -m benchmarks.durability.outage
	$(BIN)/python -m benchmarks.durability.outage --freeze --seconds 30

# Sends valid and invalid requests to every operation of the service. FUZZ="--examples 20" is faster.
fuzz-api: $(READY)
	$(BIN)/python -m benchmarks.serving.fuzz_api $(FUZZ)

clean:
	rm -rf .venv demo
