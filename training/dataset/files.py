"""The files of a data set: read with every issue named by its line, hashed, and verified. Knows no labs' contents."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from labs_schema.errors import InputError, Issue, Severity
from labs_schema.reading.validate import lab_folders
from labs_schema.submissions.file_names import safe_name
from training.dataset.rows import DatasetManifest, OutputFile, PairRow

MANIFEST = "manifest.json"
MOST_FAULTS = 20
"""Bad lines told of one file."""


def error(code: str, path: object, found: str, expected: str, hint: str, line: int | None = None) -> Issue:
    return Issue(
        code=code, severity=Severity.ERROR, path=str(path), found=found, expected=expected, hint=hint, line=line
    )


def read_pairs(path: Path) -> Iterator[PairRow]:
    """The rows of a `dpo` file, one at a time. Raises InputError with the line of every row that cannot be read."""
    if not path.is_file():
        expected = "a file of preference pairs"
        raise InputError([error("missing-dataset", path, "no file", expected, "Run grader build-dataset.")])
    issues: list[Issue] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = PairRow.model_validate_json(line)
            except ValidationError as invalid:
                issues.append(_bad_row(path, number, invalid))
                if len(issues) == MOST_FAULTS:
                    break
            else:
                if not issues:
                    yield row
    if issues:
        raise InputError(issues)


def _bad_row(path: Path, line: int, invalid: ValidationError) -> Issue:
    first = invalid.errors(include_input=False, include_url=False)[0]
    field = ".".join(map(str, first["loc"]))
    hint = "Only files written with --format dpo can be read here; build the data set again."
    return error(
        "bad-row", path, f"{field}: {first['msg']}" if field else first["msg"], "a preference pair", hint, line
    )


def read_dataset_manifest(path: Path) -> DatasetManifest:
    """`path`: the manifest, the folder it is in, or a data file beside it. Raises InputError."""
    if path.is_dir():
        path = path / MANIFEST
    elif path.name != MANIFEST:
        path = path.with_name(MANIFEST)
    hint = "Run grader build-dataset; it writes the manifest last, so a data set without one is not whole."
    if not path.is_file():
        raise InputError([error("missing-manifest", path, "no file", "the manifest of a data set", hint)])
    try:
        return DatasetManifest.model_validate_json(path.read_bytes())
    except ValidationError as invalid:
        found = f"{invalid.error_count()} fields that do not fit"
        raise InputError([error("bad-manifest", path, found, "the manifest of a data set", hint)]) from None


def publish(staged: Path, folder: Path, manifest: DatasetManifest) -> None:
    """Moves the files that the manifest names from `staged`, the manifest last: without one there is no data set."""
    with (staged / MANIFEST).open("w", encoding="utf-8") as out:
        out.write(manifest.to_json())
        out.flush()
        os.fsync(out.fileno())
    (folder / MANIFEST).unlink(missing_ok=True)
    for name in (*manifest.outputs, MANIFEST):
        (staged / name).replace(folder / name)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_hash(folder: Path) -> str:
    """SHA-256 over the sorted paths and the hashes of all files below a folder; links count by where they point to."""
    digest = hashlib.sha256()
    for path in sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names):
        if path.is_symlink():
            content = hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
        elif path.is_file():
            content = file_hash(path)
        else:
            continue
        digest.update(os.fsencode(path.relative_to(folder).as_posix()) + b"\0" + content.encode())
    return digest.hexdigest()


def verify(manifest_path: Path, parent: Path | None = None) -> DatasetManifest:
    """Hashes the files again, and the labs in `parent` where given. Raises InputError that names all that changed."""
    manifest = read_dataset_manifest(manifest_path)
    folder = manifest_path if manifest_path.is_dir() else manifest_path.parent
    issues = [issue for name, output in manifest.outputs.items() for issue in _changed_file(folder / name, output)]
    if parent is not None:
        issues += changed_labs(manifest, parent)
    if issues:
        raise InputError(issues)
    return manifest


def changed_labs(manifest: DatasetManifest, parent: Path) -> list[Issue]:
    """A issue for every lab of the data set that is not in `parent` as it was read."""
    labs = {safe_name(lab.name): lab for lab in lab_folders(parent.resolve())}
    inputs = manifest.inputs.items()
    return [issue for name, sha256 in inputs for issue in _changed_lab(parent / name, labs.get(name), sha256)]


def _changed_file(path: Path, output: OutputFile) -> list[Issue]:
    hint = "Build the data set again, or bring the file back as it was written."
    if not path.is_file():
        return [error("missing-output", path, "no file", f"{output.bytes} bytes", hint)]
    if (found := file_hash(path)) == output.sha256:
        return []
    size = path.stat().st_size
    wanted = f"{output.bytes} bytes with SHA-256 {output.sha256}"
    return [error("changed-output", path, f"{size} bytes with SHA-256 {found}", wanted, hint)]


def _changed_lab(path: Path, lab: Path | None, sha256: str) -> list[Issue]:
    found = folder_hash(lab) if lab is not None else None
    if found == sha256:
        return []
    hint = "Build the data set again, or bring the lab back as it was."
    return [error("changed-lab", path, f"SHA-256 {found}" if found else "no lab", f"SHA-256 {sha256}", hint)]
