"""A language model whose lower layers are computed once per program, with adapters on its top layers."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.training.fine_tuning.programs import Program
from prompts.base_models import BaseModelSource
from training.config import RunConfig
from training.models.loading import load_model, lora_config
from training.trainers.collator import VerdictCollator
from training.trainers.dropout import save_smaller_lora_inputs
from training.trainers.frozen_layers import reuse_frozen_layers
from training.trainers.tree_attention import enable_tree_attention

ROW = 4
"""Programs in a packed row."""


class TopLayers:
    """`states`: a folder in which the states of the lower layers are stored. All passes are in bfloat16."""

    def __init__(self, source: BaseModelSource, top: int, programs: Sequence[Program], states: Path) -> None:
        self._source, self._top, self._folder = source, top, states / f"top-{top}"
        self.programs = programs
        self._collator = VerdictCollator([p.example for p in programs], letters_only=True, with_shared=False)
        self.model = load_model(source.source, dtype=torch.bfloat16)
        self.model.requires_grad_(requires_grad=False)
        self.head: Tensor = self.model.lm_head.weight
        enable_tree_attention(self.model)
        reuse_frozen_layers(self.model, top)
        self._decoder = self.model.base_model
        self._peft: Any = None

    def rows(self, numbers: Sequence[int]) -> list[list[int]]:
        return [list(numbers[start : start + ROW]) for start in range(0, len(numbers), ROW)]

    def read(self) -> Iterator[tuple[int, int]]:
        """Computes the states of all programs, or reads those of an earlier run. Yields (rows done, all rows)."""
        self._folder.mkdir(parents=True, exist_ok=True)
        frozen = self._decoder.frozen_states
        by_lab: dict[str, list[int]] = {}
        for number, program in enumerate(self.programs):
            by_lab.setdefault(program.questions[0].lab.name, []).append(number)
        rows = [row for numbers in by_lab.values() for row in self.rows(numbers)]
        for done, row in enumerate(rows, 1):
            path = self._folder / f"{self._key(row)}.safetensors"
            if path.exists():
                for place, states in load_file(path).items():
                    frozen.add([row[int(place)]], [len(states)], states)
            else:
                with torch.no_grad():
                    self.answers(row)
                sizes = [len(self._collator.trees[number]) for number in row]
                states = torch.split(frozen.of(row, torch.device("cpu")), sizes)
                draft = path.with_suffix(".part")
                save_file({str(place): s.contiguous().clone() for place, s in enumerate(states)}, draft)
                draft.replace(path)
            yield done, len(rows)

    def _key(self, row: Sequence[int]) -> str:
        """Equal for the same tokens, whatever other programs there are."""
        trees = [self._collator.trees[number] for number in row]
        return hashlib.sha256(b"\0".join(tree.tokens.tobytes() for tree in trees)).hexdigest()[:24]

    def answers(self, row: Sequence[int]) -> Tensor:
        """(questions, width): the last hidden states before the letters of the programs of `row`."""
        batch = self._collator([{"submission": number} for number in row])
        trees = {name: value for name, value in batch.items() if name.startswith("tree_")}
        with torch.autocast("cpu", torch.bfloat16):
            hidden: Tensor = self._decoder(**trees).last_hidden_state[0]
        return hidden

    def add_adapter(self, run: RunConfig) -> list[Tensor]:
        """A new adapter as in a run with this config. Returns its weights."""
        config: LoraConfig = lora_config(self.model, self._source.lora_targets, run)
        self._peft = get_peft_model(self.model, config)
        save_smaller_lora_inputs(self._peft, autocast=True)
        return [weight for weight in self._peft.parameters() if weight.requires_grad]

    def train(self, *, training: bool) -> None:
        """Dropout on or off."""
        self.model.train(training)

    def save_adapter(self, path: Path) -> None:
        save_file({k: v.contiguous() for k, v in get_peft_model_state_dict(self._peft).items()}, path)

    def load_adapter(self, path: Path) -> None:
        set_peft_model_state_dict(self._peft, load_file(path))


def merged(source: BaseModelSource, run: RunConfig, adapter: Path, folder: Path) -> None:
    """Writes the base model with `adapter` merged into its weights, in bfloat16, without a tokenizer."""
    model = load_model(source.source, dtype=torch.float32)
    peft = get_peft_model(model, lora_config(model, source.lora_targets, run))
    set_peft_model_state_dict(peft, load_file(adapter))
    peft.merge_and_unload().to(torch.bfloat16).save_pretrained(folder)
