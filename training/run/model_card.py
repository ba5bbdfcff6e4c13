"""The model card in a run folder's README: base, data, settings, and what was not evaluated."""

from collections.abc import Mapping

from prompts.manifest import ModelManifest
from training.config import RunConfig, dump_config
from training.run.inputs import TrainingInputs


def model_card(config: RunConfig, inputs: TrainingInputs, manifest: ModelManifest, seconds: Mapping[str, float]) -> str:
    """Markdown with the front matter that model hubs read. `seconds`: part of the run -> duration."""
    base, loaded, dataset = inputs.base, inputs.loaded, inputs.data.manifest
    stages = ", then ".join(f"{name} ({stage.method})" for name, stage in config.stages.items())
    submissions = [example for example in loaded.examples if not example.external]
    criteria = sum(len(example.criteria) for example in submissions)
    pairs = sum(len(criterion.rejected) for example in submissions for criterion in example.criteria)
    external = len(loaded.examples) - len(submissions)
    others = f", and {external} rows of external files" if external else ""
    source = manifest.trained_from or manifest.base_model
    adapter = f", with the adapter on `{manifest.base_model}`" if manifest.adapter else ""
    trained_labs = [f"{name} ({len(split.train)})" for name, split in dataset.labs.items() if split.train]
    eval_labs = ", ".join(dataset.eval_labs) or "none"
    times = "; ".join(f"{part.replace('_', ' ')} {value:.0f} s" for part, value in seconds.items())
    return f"""---
base_model: {source}
license: {"other" if base.licence is None else base.licence}
library_name: {"peft" if manifest.adapter else "transformers"}
tags: [grading, dpo, lora]
---
# {base.name}, fine-tuned to grade programs

Rates a student's program on one criterion of a rubric at a time. Trained on ratings by the TAs of the labs below.

- **Base**: {base.name} (`{source}`{adapter}), licence: {base.licence or "unknown"}.\
{"" if base.warning is None else f" **{base.warning}**"}
- **Training**: {stages}, seed {config.seed}. Time: {times}.
- **Context**: {manifest.context_length} tokens; overlong submissions: `{manifest.on_overlong}`.
- **Prompt**: template `{manifest.style.template}`, options in {manifest.option_order} order.

## Data
{len(submissions)} submissions, {criteria} rated criteria, {pairs} preference pairs{others}. Skipped as too long: \
{len(loaded.skipped)}. Without the middle of their code: {loaded.cut}.
Labs (number of training submissions): {", ".join(trained_labs) or "none"}.
SHA-256 of the training file: `{manifest.dataset_hash}`. Labs held out completely: {eval_labs}.

## Not evaluated
The training metrics are from the training data only. Use `grader evaluate` to measure the agreement with TAs on unseen
students. Nothing is known about other labs, courses, languages or rubrics. The probabilities are not calibrated. Do not
use this model to decide marks without human review.

## Configuration
```yaml
{dump_config(config).strip()}
```
"""
