"""Files as students hand them in: folders and archives, and the program that is read from them."""

import io
import tarfile
import zipfile
from pathlib import Path

from labs_schema.errors import IssueCollector
from labs_schema.limits import LabLimits
from labs_schema.submissions.source_files import ReadingRules, SourceFiles, read_source_files
from labs_schema.submissions.unread_files import folder_files

Files = dict[str, bytes]
LIMITS = LabLimits()


def zipped(files: Files) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def tarred(files: Files) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def put(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read_folder(folder: Path, rules: ReadingRules | None = None) -> tuple[SourceFiles, IssueCollector]:
    issues = IssueCollector("lab")
    files = folder_files(folder, "s1", issues)
    return read_source_files(files, "s1", issues, rules or ReadingRules()), issues


def paths(found: SourceFiles) -> list[str]:
    return [file.path for file in found.files]


def codes(issues: IssueCollector) -> list[str]:
    return [issue.code for issue in issues.issues()]
