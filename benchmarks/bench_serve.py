"""What grading costs: the service over HTTP, its bare engine, constrained JSON and plain `generate`, in one run.

    python benchmarks/bench_serve.py [--labs FOLDER] [--submissions 64] [--model FOLDER]

Two jobs: real submissions, spread evenly over the labs of FOLDER (default: the sample labs), and as many made-up ones
of 800 shared and 120 own tokens a criterion, 5 criteria. All sides get the same weights in bf16 (a Llama of about 60
million parameters, random, unless --model names another) and the same prompts:

    http      `grader serve`, asked by 32 clients at once
    engine    the same grader without HTTP: a letter a criterion, the program computed once
    json      vLLM with prefix caching writes the verdict as JSON under a JSON schema
    generate  Hugging Face `generate`, one criterion at a time, as many tokens as the verdict `{"answer": "A"}` has

`generate` takes minutes for what the others do in seconds: it does every fourth submission, and its seconds are scaled
by the criteria. Last, ten times as many submissions arrive as the service can grade, and what it refuses is timed.

Each side is a process of its own, warmed up by two submissions; seconds are CPU seconds of that process (for http the
server's) and wall seconds from the first question to the last answer. Prints a table and, last, one line of JSON.
"""

import argparse
import asyncio
import json
import math
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
import psutil
from overload import storm
from rich.console import Console
from rich.table import Table

from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from labs_schema.validate import lab_folders, load_lab
from prompts.encode import PromptEncoder
from prompts.messages import build_prompts
from prompts.style import PromptStyle
from prompts.verdict import verdict_text

Work = list[tuple[Lab, Submission]]
CLIENTS, CHUNK, BLOCK, EVERY = 32, 16, 32, 4
SHARED, OWN, CRITERIA = 800, 120, 5
FIGURES = Path("build/bench-serve")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labs", type=Path, default=Path("labs"))
    parser.add_argument("--submissions", type=int, default=64)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    model = given.model or random_model(FIGURES / "model")
    jobs = {"real": real_work(given.labs, given.submissions), "synthetic": synthetic_work(model, given.submissions)}
    peak = alone(matmul_rate)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, work in jobs.items():
        found[name] = {"http": http_side(model, work)}
        for side in (engine_side, json_side, generate_side):
            found[name][side.__name__.removesuffix("_side")] = alone(side, model, work)
            print(name, side.__name__, found[name], file=sys.stderr, flush=True)  # noqa: T201
    refused = overload(model, jobs["real"], 10 * given.submissions / found["real"]["http"]["wall"])
    shapes = {name: shape(model, work) for name, work in jobs.items()}
    Console().print(table(found, shapes))
    print(json.dumps(summary(found, shapes, peak, refused)))  # noqa: T201


def random_model(folder: Path) -> Path:
    """Saves a Llama of about 60 million random weights, with a tokenizer learned from the sample labs."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from training.tiny_tokenizer import train_tokenizer

    texts = [file.text for lab in map(load_lab, lab_folders(Path("labs"))) for s in lab.submissions for file in s.files]
    tokenizer = train_tokenizer(texts, entries=4096, context_length=4096)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=640,
        intermediate_size=1728,
        num_hidden_layers=12,
        num_attention_heads=10,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def real_work(labs: Path, count: int) -> Work:
    """`count` submissions, evenly over all labs, those that are empty or very long left out."""
    every = [
        (lab, submission)
        for lab in map(load_lab, lab_folders(labs))
        for submission in lab.submissions
        if 0 < sum(len(file.text) for file in submission.files) < 6_000
    ]
    return [every[i * len(every) // count] for i in range(count)]


def synthetic_work(model: Path, count: int) -> Work:
    """Made-up programs and criteria, as long as it takes for `SHARED` and `OWN` tokens."""
    encoder, chance = encoder_of(model), np.random.default_rng(0)
    words = [f"{a}{b}" for a in ("sum", "next", "list", "value", "index", "print") for b in range(10)]

    def text(n: int) -> str:
        return " ".join(chance.choice(words, n))

    def lab_of(own: int) -> Lab:
        levels = tuple(Rating(title=t, marks=float(m)) for t, m in (("A", 2), ("B", 1), ("C", 0)))
        criteria = [Criterion(title=f"Criterion {i}", description=text(own), ratings=levels) for i in range(CRITERIA)]
        return Lab(
            name="made-up", problem="Sort.", short_problem="Sort.", language="C", criteria=criteria, submissions=()
        )

    def program(name: str, words: int) -> Submission:
        return Submission(student=name, folder=name, files=(SourceFile(path="a.c", text=text(words)),))

    def lengths(words: int) -> tuple[int, int]:
        lab = lab_of(words)
        encoded = encoder.encode(build_prompts(lab, program("s", words), PromptStyle()))
        return len(encoded.shared), max(map(len, encoded.criteria))

    own = next(n for n in range(5, 200) if lengths(n)[1] >= OWN)
    shared = next(n for n in range(50, 2000, 5) if lengths(n)[0] >= SHARED)
    lab = lab_of(own)
    return [(lab, program(f"s{i}", shared)) for i in range(count)]


def encoder_of(model: Path) -> PromptEncoder:
    from transformers import AutoTokenizer

    return PromptEncoder(AutoTokenizer.from_pretrained(model), context_length=4096)


def prompts_of(model: Path, work: Work) -> list[list[tuple[tuple[int, ...], int]]]:
    """A submission's prompts as token ids, each with the number of its options."""
    encoder = encoder_of(model)
    found = []
    for lab, submission in work:
        encoded = encoder.encode(build_prompts(lab, submission, PromptStyle()))
        found.append(
            [(encoded.shared + own, len(c.ratings)) for c, own in zip(lab.criteria, encoded.criteria, strict=True)]
        )
    return found


def shape(model: Path, work: Work) -> dict[str, float]:
    """Decisions, tokens in all prompts, and the hit rate that a cache of whole blocks must reach: all that a
    submission's later criteria share with its first."""
    prompts = prompts_of(model, work)
    queries = sum(len(ids) for submission in prompts for ids, _ in submission)
    seen: set[tuple[int, ...]] = set()
    hits = 0
    for submission in prompts:
        for ids, _ in submission:
            whole = (len(ids) - 1) // BLOCK
            known = next((n for n in range(whole, 0, -1) if ids[: n * BLOCK] in seen), 0)
            hits += known * BLOCK
            seen.update(ids[: n * BLOCK] for n in range(1, len(ids) // BLOCK + 1))
    return {"decisions": sum(map(len, prompts)), "tokens": queries, "hit_rate": hits / queries}


def alone(side: Callable[..., Any], *arguments: Any) -> Any:
    """Runs `side` in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(side, arguments)


def measured(answer: Callable[[Work], None], work: Work) -> dict[str, float]:
    """CPU and wall seconds of this process over `work`, after two submissions that do not count."""
    answer(work[:2])
    cpu, wall = time.process_time(), time.perf_counter()
    answer(work)
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def engine_side(model: Path, work: Work) -> dict[str, float]:
    from serving.served_model import load_grader

    grader: Any = load_grader(str(model), engine="vllm")

    def answer(work: Work) -> None:
        for start in range(0, len(work), CHUNK):
            grader.grade_each(work[start : start + CHUNK])

    answer(work[:2])
    before = grader.engine.cache_counts()
    cpu, wall = time.process_time(), time.perf_counter()
    answer(work[2:])
    found = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    queries, hits = (after - then for after, then in zip(grader.engine.cache_counts(), before, strict=True))
    return {name: value * len(work) / (len(work) - 2) for name, value in found.items()} | {"hit_rate": hits / queries}


def json_side(model: Path, work: Work) -> dict[str, float]:
    import vllm
    from vllm.sampling_params import StructuredOutputsParams

    from serving.engines.vllm_platform import platform_settings

    llm = vllm.LLM(
        model=str(model), dtype="bfloat16", enable_prefix_caching=True, use_tqdm_on_load=False, **platform_settings()
    )

    def params(options: int) -> Any:
        letters = {"enum": [chr(65 + i) for i in range(options)]}
        schema = {"type": "object", "properties": {"answer": letters}, "required": ["answer"]}
        form = StructuredOutputsParams(json=schema | {"additionalProperties": False})
        return vllm.SamplingParams(max_tokens=24, temperature=0, structured_outputs=form)

    def answer(work: Work) -> None:
        asked = [each for submission in prompts_of(model, work) for each in submission]
        given = [{"prompt_token_ids": list(ids)} for ids, _ in asked]
        llm.generate(given, [params(options) for _, options in asked], use_tqdm=False)

    return measured(answer, work)


def generate_side(model: Path, work: Work) -> dict[str, float]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16).eval()
    verdict = len(AutoTokenizer.from_pretrained(model).encode(verdict_text("A"), add_special_tokens=False))

    def answer(work: Work) -> None:
        for submission in prompts_of(model, work):
            for ids, _ in submission:
                prompt = torch.tensor([ids])
                with torch.inference_mode():
                    loaded.generate(
                        prompt,
                        attention_mask=torch.ones_like(prompt),
                        max_new_tokens=verdict,
                        min_new_tokens=verdict,
                        do_sample=False,
                        pad_token_id=0,
                    )

    few = work[::EVERY]
    share = criteria_of(work) / criteria_of(few)
    return {name: seconds * share for name, seconds in measured(answer, few).items()}


def criteria_of(work: Work) -> int:
    return sum(len(lab.criteria) for lab, _ in work)


@contextmanager
def service(model: Path, queue: int) -> Iterator[tuple[str, psutil.Process]]:
    """`grader serve` on a free port, ready to answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "grader", "serve", "--model", str(model), "--port", str(port)]
    log = FIGURES / "service.log"
    more = ["--queue", str(queue), "--rate", "100000/second"]
    folder = TemporaryDirectory()
    environment = {**os.environ, "GRADER_STORE": f"sqlite:///{folder.name}/grader.db"}
    with log.open("w") as said:
        process = subprocess.Popen([*command, *more], stdout=said, stderr=said, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{url}/readyz", timeout=30).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.2)
            if process.poll() is not None:
                raise RuntimeError(log.read_text()[-2000:])
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
        folder.cleanup()


def body(lab: Lab, submission: Submission) -> dict[str, Any]:
    """The request of a platform that sends its rubric along."""
    return {
        "problem": lab.short_problem,
        "language": lab.language,
        "criteria": [
            {
                "title": criterion.title,
                "description": criterion.description,
                "ratings": [
                    {"id": r.title, "description": r.description, "points": r.marks} for r in criterion.ratings
                ],
            }
            for criterion in lab.criteria
        ],
        "submission": {"files": [{"filename": file.path, "content": file.text} for file in submission.files]},
    }


async def ask_all(url: str, work: Work, clients: int) -> list[tuple[int, float]]:
    """Status and seconds of every request, in any order; `clients` of them are under way at a time."""
    waiting, answers = iter(work), []
    async with httpx.AsyncClient(timeout=300, limits=httpx.Limits(max_connections=clients)) as client:

        async def ask() -> None:
            for lab, submission in waiting:
                begun = time.perf_counter()
                answer = await client.post(f"{url}/grade", json=body(lab, submission))
                answers.append((answer.status_code, time.perf_counter() - begun))

        await asyncio.gather(*(ask() for _ in range(clients)))
    return answers


def http_side(model: Path, work: Work) -> dict[str, float]:
    with service(model, 4 * CLIENTS) as (url, process):
        asyncio.run(ask_all(url, work[:2], 2))
        before, wall = process.cpu_times(), time.perf_counter()
        answers = asyncio.run(ask_all(url, work[2:], CLIENTS))
        seconds, after = time.perf_counter() - wall, process.cpu_times()
    failed = [status for status, _ in answers if status != 200]
    if failed:
        raise RuntimeError(f"the service answered {failed[0]} where 200 was expected")
    cpu = after.user + after.system - before.user - before.system
    share = len(work) / (len(work) - 2)
    took = sorted(1000 * each for _, each in answers)
    return {"cpu": cpu * share, "wall": seconds * share, "p50_ms": at(took, 0.5), "p99_ms": at(took, 0.99)}


def overload(model: Path, work: Work, rate: float, seconds: float = 20) -> dict[str, float]:
    """What the service answers when `rate` submissions a second arrive, ten times what it can grade."""
    bodies = [json.dumps(body(lab, submission)).encode() for lab, submission in work]
    with service(model, 8) as (url, _):
        answers = asyncio.run(storm(url, bodies, rate, seconds))
    refused = sorted(1000 * answer.seconds for answer in answers if answer.status in (429, 503))
    other = {answer.status for answer in answers} - {200, 429, 503}
    if other or not refused:
        raise RuntimeError(f"expected 200, 429 and 503 alone, found {other or 'no refusal'}")
    return {"refused": len(refused), "answered": len(answers) - len(refused), "p99_ms": at(refused, 0.99)}


def at(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)], 1)


def matmul_rate() -> float:
    import torch

    from training.speed import matmul_peak

    return matmul_peak(torch.bfloat16)


def summary(
    found: dict[str, dict[str, dict[str, Any]]],
    shapes: dict[str, dict[str, float]],
    peak: float,
    refused: dict[str, float],
) -> dict[str, float]:
    """Of the real job, by CPU seconds, but for the share of the peak, which is of wall seconds; `_synthetic` beside."""
    figures: dict[str, float] = {}
    for name, ending in (("real", ""), ("synthetic", "_synthetic")):
        sides, told = found[name], shapes[name]
        computed = told["tokens"] * (1 - sides["engine"]["hit_rate"])
        figures |= {
            f"speedup_vs_hf{ending}": round(sides["generate"]["cpu"] / sides["engine"]["cpu"], 2),
            f"speedup_vs_json{ending}": round(sides["json"]["cpu"] / sides["engine"]["cpu"], 2),
            f"http_overhead{ending}": round(sides["http"]["cpu"] / sides["engine"]["cpu"] - 1, 3),
            f"prefix_hit_rate{ending}": round(sides["engine"]["hit_rate"], 4),
            f"prefix_hit_rate_computed{ending}": round(told["hit_rate"], 4),
            f"fraction_of_matmul_peak{ending}": round(2 * 60e6 * computed / sides["engine"]["wall"] / peak, 3),
            f"criteria_per_core_second{ending}": round(told["decisions"] / sides["engine"]["cpu"], 2),
        }
    times = {key: found["real"]["http"][key] for key in ("p50_ms", "p99_ms")}
    return figures | times | {"rejected_ms_p99": refused["p99_ms"]}


def table(found: dict[str, dict[str, dict[str, Any]]], shapes: dict[str, dict[str, float]]) -> Table:
    shown = Table(title="CPU and wall seconds for the same decisions", title_justify="left")
    for heading in ("job", "side", "decisions", "CPU s", "wall s", "criteria / core s"):
        shown.add_column(heading, justify="left" if heading in ("job", "side") else "right")
    for name, sides in found.items():
        count = shapes[name]["decisions"]
        for side, took in sides.items():
            shown.add_row(
                name, side, f"{count:.0f}", f"{took['cpu']:.1f}", f"{took['wall']:.1f}", f"{count / took['cpu']:.2f}"
            )
    return shown


if __name__ == "__main__":
    main()
