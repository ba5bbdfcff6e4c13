"""The model card has base, licence, data, settings and what was not evaluated."""

from prompts.base_models import find_base
from prompts.manifest import ModelManifest
from prompts.style import PromptStyle
from training.config import RunConfig
from training.dataset.examples import CriterionExample, LoadedExamples, TrainingExample
from training.dataset.manifest import DatasetManifest, LabSplit
from training.run.inputs import TrainingInputs
from training.run.mixture import Mixture
from training.run.model_card import model_card


def test_the_card_has_base_licence_data_and_settings() -> None:
    base = find_base("codestral-22b")
    config = RunConfig.model_validate({"model": "codestral-22b", "dataset": "data", "seed": 3, "dpo": {"beta": 0.3}})
    style = PromptStyle()
    manifest = ModelManifest(
        grader_version="1",
        base_model="sft",
        trained_from=base.source,
        base_licence=base.licence,
        adapter="adapter",
        tokenizer_hash="t",
        prompt_hash="p",
        style=style,
        context_length=4096,
        option_order="shuffled",
        dataset_hash="d4ta",
        stages=("dpo",),
    )
    dataset = DatasetManifest(
        grader_version="1",
        format="dpo",
        seed=0,
        train_split=0.7,
        style=style,
        reasoning=False,
        option_order="shuffled",
        eval_labs=("lab9",),
        labs={"lab1": LabSplit(train=("a", "b"), test=("c",)), "lab9": LabSplit(test=("d",))},
        inputs={},
        outputs={},
    )
    row = TrainingExample((1,), (CriterionExample((2,), (3,)),), external=True)
    examples = (TrainingExample((1,), (CriterionExample((2,), (3,), ((4,), (5,))),)), row, row)
    loaded = LoadedExamples(examples, (("lab1", "b"),))
    data = Mixture(parts=(), sha256="d4ta", manifest=dataset)
    inputs = TrainingInputs(base, data, tokenizer=None, encoder=None, loaded=loaded, summary="")  # type: ignore[arg-type]
    card = model_card(config, inputs, manifest, {"dpo": 12.3})
    for part in (
        "mistralai/Codestral-22B-v0.1",
        "Mistral AI Non-Production License",
        "1 submissions, 1 rated criteria, 2 preference pairs, and 2 rows of external files",
        "(`mistralai/Codestral-22B-v0.1`, with the adapter on `sft`)",
        "Skipped as too long: 1.",
        "lab1 (2)",
        "held out completely: lab9",
        "dpo 12 s",
        "Not evaluated",
        "beta: 0.3",
        "`d4ta`",
    ):
        assert part in card
