"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

LabFolder = Annotated[Path, typer.Argument(metavar="LAB", help="Lab folder.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder written by 'grader train'.")]
ParentFolder = Annotated[
    Path, typer.Option("--parent-dir", metavar="FOLDER", help="Folder with one folder per lab, as used for training.")
]


def configured(model: str | None, labs: Path | None, course: str | None) -> tuple[str | None, Path | None, str | None]:
    """The model, labs and course to serve: the options, otherwise the settings that `grader init` writes."""
    from labs_schema.settings import Settings

    settings = Settings()
    if not (model or settings.model):
        return None, labs, course
    return pull_missing(model or settings.model), labs or settings.labs, course or settings.course


def pull_missing(model: str | None) -> str | None:
    """`model`, after it is fetched or converted if it is a preset or a GGUF file that is not in the model cache."""
    from prompts.base_models import needs_pull

    if model and needs_pull(model):
        from training.models.pull import pull

        pull(model)
    return model


def _pull_missing(context: typer.Context, model: str | None) -> str | None:
    return model if context.resilient_parsing else pull_missing(model)


Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        callback=_pull_missing,
        help="Run folder, model folder, preset (see 'grader model list'), GGUF file or Hugging Face model id.",
    ),
]
CourseModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        callback=_pull_missing,
        help="Run folder, model folder, preset, GGUF file or Hugging Face model id of one course. Default: "
        "GRADER_MODEL, else all registered courses.",
    ),
]
CourseLabs = Annotated[
    Path | None, typer.Option("--labs", metavar="FOLDER", help="Folder with one folder per lab. Default: GRADER_LABS.")
]
CourseName = Annotated[
    str | None,
    typer.Option("--course", metavar="NAME", help="Course name. Default: the name of the folder that holds the labs."),
]
OneCourse = Annotated[
    str | None, typer.Option("--course", metavar="NAME", help="Only this course. Default: all courses.")
]
BaseModel = Annotated[
    str | None,
    typer.Option("--model", metavar="MODEL", help="Base model: preset, folder, GGUF file or Hugging Face model id."),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="ENGINE",
        help="auto (vllm if installed, else transformers), vllm, transformers, or comma-separated vLLM server URLs. "
        "vllm-compiled (CPU only) starts about 10 s slower and runs about 8 % faster; it needs a C++ compiler.",
    ),
]
Orders = Annotated[
    int | None,
    typer.Option(min=1, help="Average over N orders of the answer options. Default: as calibrated, else 1."),
]
LoadedModels = Annotated[
    int | None,
    typer.Option("--models", min=1, help="Models in memory. Default: 2 on CPUs, 1 base model on a GPU."),
]
Reasoning = Annotated[bool, typer.Option("--reasoning", help="Also generate explanations (slower).")]
Seed = Annotated[int, typer.Option(help="Random seed.")]
Resamples = Annotated[int, typer.Option(min=100, help="Bootstrap resamples for the intervals.")]
PricePerHour = Annotated[
    float | None, typer.Option(min=0, help="Machine price per hour, in any currency. Adds a cost estimate.")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set any YAML field, as in --set dpo.beta=0.2.")
]
