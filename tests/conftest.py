"""Small labs, tokenizers and a tiny random model, built on the fly and shared by all tests."""

import gc
import hashlib
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from labs_schema.models import Criterion, HumanGrade, Lab, Rating, SourceFile, Submission
from tests.harness.models.tokenizers import (
    CHATML,
    LLAMA,
    MISTRAL,
    byte_level_bpe,
    sentencepiece_bpe,
    sentencepiece_tokenizer,
)
from tests.harness.scheduling import FileScheduling
from tests.harness.stores.quick_stores import StoreFiles, quick_sqlite

MakeLab = Callable[..., Lab]

# While tests are imported, little becomes garbage. Looking for it would take a quarter of the processor time.
gc.disable()
# Before torch is imported: with a thread per core in each of two test processes, small models wait for each other's
# threads, and a test takes ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("any machine", deadline=None)  # a busy machine must not fail a property test
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Isolates tests from the store and data folder of the user who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data-home")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config-home")))
        patch.delenv("GRADER_STORE", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_certificates() -> Iterator[None]:
    """The certificates of this machine are read once, which takes 24 ms, and not for each HTTP client."""
    import httpx

    create = cache(httpx.create_ssl_context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx, "create_ssl_context", create)
        patch.setattr("httpx._transports.default.create_ssl_context", create)
        yield


@pytest.fixture(scope="session", autouse=True)
def as_in_production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreFiles]:
    """New SQLite stores are copies of an empty one and are not synced. The value: how they are made otherwise."""
    with quick_sqlite(tmp_path_factory.mktemp("empty-store")) as production:
        yield production


@pytest.fixture
def production_stores(as_in_production: StoreFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """New SQLite stores are made by the migrations, and synced."""
    as_in_production.apply(monkeypatch)


@pytest.fixture(scope="session")
def make_lab() -> MakeLab:
    """A factory: `make_lab(students=6)` gives a C lab with two criteria (3 and 2 ratings) and a grade for each."""

    def make(name: str = "lab1", students: int = 6) -> Lab:
        criteria = (
            Criterion(
                title="Does it compile?",
                description="With gcc -Wall.",
                ratings=(
                    Rating(title="A", description="Without warnings", marks=2),
                    Rating(title="B", description="With warnings", marks=1),
                    Rating(title="C", description="No", marks=0),
                ),
            ),
            Criterion(
                title="Is it readable?",
                description="Names and layout.",
                ratings=(Rating(title="A", description="Yes", marks=1), Rating(title="B", description="No", marks=0)),
            ),
        )
        submissions = tuple(
            Submission(
                student=f"s{i:03d}",
                folder=f"s{i:03d}@course",
                files=(SourceFile(path="main.c", text=f"int main(void) {{\n    return {i * i};\n}}\n"),),
            )
            for i in range(students)
        )
        grades = tuple(
            HumanGrade(student=s.student, criterion=c.title, rating=c.ratings[(i + j) % len(c.ratings)].title)
            for i, s in enumerate(submissions)
            for j, c in enumerate(criteria)
        )
        return Lab(
            name=name,
            problem="Write a program that returns a square.\nRead nothing, print nothing.\n",
            short_problem="Return a square.\n",
            language="C",
            criteria=criteria,
            submissions=submissions,
            human_grades=grades,
        )

    return make


@pytest.fixture
def varied() -> Callable[[Lab], Lab]:
    """Replaces the programs of a lab with unrelated ones."""

    def varied(lab: Lab) -> Lab:
        def program(student: str) -> str:
            digits = hashlib.sha256(f"{lab.name}{student}".encode()).digest()
            return "".join(f"if (x == {digit}) return {digit % 7};\n" for digit in digits)

        submissions = tuple(
            one.model_copy(update={"files": (SourceFile(path="main.c", text=program(one.student)),)})
            for one in lab.submissions
        )
        return lab.model_copy(update={"submissions": submissions})

    return varied


@pytest.fixture(scope="session")
def byte_tokenizer() -> Any:
    """Byte-level BPE of at most 1,024 entries without a chat template, as the tiny model uses."""
    from transformers import PreTrainedTokenizerFast

    backend = byte_level_bpe(["<bos>", "<eos>", "<pad>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", name_or_path="byte"
    )


@pytest.fixture(scope="session")
def chatml_tokenizer() -> Any:
    """Qwen2.5 style: byte-level BPE, ChatML with a default system turn, structural tokens that are not `special`."""
    from tokenizers import AddedToken
    from transformers import PreTrainedTokenizerFast

    backend = byte_level_bpe(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    backend.add_tokens([AddedToken(t, normalized=False) for t in ("<tool_call>", "</tool_call>", "<|fim_prefix|>")])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHATML,
        name_or_path="chatml",
    )


@pytest.fixture(scope="session")
def llama_tokenizer() -> Any:
    """CodeLlama style: the normalizer adds word starts; byte pieces; [INST] and <<SYS>> are plain text."""
    backend = sentencepiece_bpe(["▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"], prepend=True)
    return sentencepiece_tokenizer(backend, LLAMA, "llama")


@pytest.fixture(scope="session")
def mistral_tokenizer() -> Any:
    """Codestral style: Metaspace adds the word start; [INST] is a token; a system role is rejected."""
    backend = sentencepiece_bpe(["[INST]", "[/INST]", "[PREFIX]", "[SUFFIX]"], prepend=False)
    return sentencepiece_tokenizer(backend, MISTRAL, "mistral")


@pytest.fixture(scope="session")
def tiny_model_folder(byte_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 2 layers, width 64, context 2,048, with random weights (seed 0), saved with `byte_tokenizer`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(byte_tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=byte_tokenizer.bos_token_id,
        eos_token_id=byte_tokenizer.eos_token_id,
        pad_token_id=byte_tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    folder = tmp_path_factory.mktemp("tiny-model")
    model.save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def dead_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and a hub address that refuses connections."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    return tmp_path / "hub"


@pytest.fixture
def cached_model(dead_hub: Path, byte_tokenizer: Any) -> str:
    """A model name whose tokenizer and configuration are in the cache of `dead_hub`."""
    from transformers import LlamaConfig

    cached = dead_hub / "models--someone--model"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs/main").write_text("0" * 40)
    byte_tokenizer.save_pretrained(cached / "snapshots" / ("0" * 40))
    LlamaConfig(max_position_embeddings=8192).save_pretrained(cached / "snapshots" / ("0" * 40))
    return "someone/model"


@pytest.fixture(scope="session")
def manifest_of() -> Callable[..., Any]:
    """A factory: `manifest_of(tokenizer, style, adapter="adapter")` gives a manifest of a model tuned on `../base`."""
    from prompts.manifest import ModelManifest, prompt_hash, tokenizer_hash
    from prompts.style import PromptStyle

    def manifest(tokenizer: Any, style: PromptStyle | None = None, **changes: Any) -> ModelManifest:
        style = style or PromptStyle()
        defaults = {
            "grader_version": "0",
            "base_model": "../base",
            "tokenizer_hash": tokenizer_hash(tokenizer),
            "prompt_hash": prompt_hash(style, tokenizer),
            "style": style,
            "context_length": 1024,
            "option_order": "given",
        }
        return ModelManifest.model_validate(defaults | changes)

    return manifest


@pytest.fixture(scope="session")
def calibration_of() -> Callable[..., Any]:
    """A factory: `calibration_of(graded_with, temperature=1.5)` gives a calibration without a guarantee."""
    from serving.calibration.calibration import Calibration

    def calibration(graded_with: Any, **changes: Any) -> Calibration:
        defaults = {"grader_version": "0", "made": "2026-11-21T00:00:00+00:00", "graded_with": graded_with, "labs": {}}
        defaults |= {"temperature": 1.0, "guarantee": None, "students": 1, "decisions": 1, "submissions": ()}
        return Calibration.model_validate(defaults | changes)

    return calibration


def pytest_collection_finish() -> None:
    """From now on, garbage collections are rarer and do not scan the modules and tests that are loaded."""
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The distribution of tests over processes."""
    return FileScheduling(config, log)
