"""The README of a run folder: what the model is, what it was trained on, what nobody has measured. Knows no files."""

from collections.abc import Mapping

from prompts.manifest import ModelManifest
from training.config import RunConfig, dump_config
from training.dataset.examples import Loaded
from training.dataset.rows import DatasetManifest
from training.models.bases import Base


def model_card(
    config: RunConfig,
    base: Base,
    manifest: ModelManifest,
    dataset: DatasetManifest,
    loaded: Loaded,
    times: Mapping[str, float],
) -> str:
    """Markdown with the front matter that model hubs read."""
    stages = ", then ".join(f"{name} ({stage.method})" for name, stage in config.stages.items())
    submissions = [example for example in loaded.examples if not example.foreign]
    criteria = sum(len(example.criteria) for example in submissions)
    pairs = sum(len(criterion.rejected) for example in submissions for criterion in example.criteria)
    foreign = len(loaded.examples) - len(submissions)
    others = f", and {foreign} rows of other programs' files" if foreign else ""
    source = manifest.trained_from or manifest.base_model
    under = f", the adapter lies on `{manifest.base_model}`" if manifest.adapter else ""
    trained_labs = [f"{name} ({len(split.train)})" for name, split in dataset.labs.items() if split.train]
    shielded = ", ".join(dataset.eval_labs) or "none"
    seconds = "; ".join(f"{part.replace('_', ' ')} {value:.0f} s" for part, value in times.items())
    return f"""---
base_model: {source}
license: {"other" if base.licence is None else base.licence}
library_name: {"peft" if manifest.adapter else "transformers"}
tags: [grading, dpo, lora]
---
# {base.name}, tuned to grade programs

Rates a student's program on one criterion of a rubric at a time, as the TAs of the labs below did.

- **Base**: {base.name} (`{source}`{under}), licence: {base.licence or "not known to this program"}.\
{"" if base.warning is None else f" **{base.warning}**"}
- **Trained by**: {stages}, seed {config.seed}. Time: {seconds}.
- **Context**: {manifest.context_length} tokens; a submission that does not fit: `{manifest.on_overlong}`.
- **Prompt**: template `{manifest.style.template}`, options in {manifest.option_order} order.

## Data
{len(submissions)} submissions, {criteria} rated criteria, {pairs} preference pairs{others}; left out because they
did not fit: {len(loaded.skipped)}; without the middle of their code, to fit: {loaded.cut}.
Labs (submissions for training): {", ".join(trained_labs) or "none"}.
SHA-256 of the training file: `{manifest.dataset_hash}`. Labs kept out of training whole: {shielded}.

## Not evaluated
Training measured only the training data. How well this model agrees with TAs on students it has not seen is for
`grader evaluate` to say. Nothing is known about labs, courses, languages or rubrics outside the list above. Its
probabilities are not calibrated. It should not decide a mark without a person.

## Settings as run
```yaml
{dump_config(config).strip()}
```
"""
