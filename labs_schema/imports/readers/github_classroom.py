"""GitHub Classroom: cloned student repositories, `assignment-username`, with the grades CSV or the class roster CSV."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import folded, ids, shared_start
from labs_schema.imports.records import ExportFile, IdKind, Ids, PlatformExport, Work
from labs_schema.submissions.ignored import ignored_name

_SUBMISSIONS = "-submissions"


def recognizes(paths: Sequence[str]) -> bool:
    folders = sorted({path.split("/")[0] for path in paths if "/" in path})
    tables = [path.lower() for path in paths if "/" not in path and path.lower().endswith(".csv")]
    marked = any("repos" in name or "classroom" in name for name in tables) or any(
        "/.github/" in path for path in paths
    )
    return marked and len(folders) > 1 and "-" in shared_start(folders)


def read(export: Export) -> PlatformExport:
    """Works by repository. Owners are those of the grades CSV, else the user at the end of the repository's name."""
    rows = list(_rows(export))
    files: dict[str, list[tuple[str, ExportFile]]] = {}
    unused = []
    for each in export.files:
        repository, _, path = each.path.partition("/")
        if path:
            files.setdefault(repository, []).append((path, each))
        elif not path and not repository.lower().endswith(".csv"):
            unused.append(each.path)
    empty = set(export.top_folders) - set(files)
    files |= {name: [] for name in sorted(empty) if not ignored_name(name, folder=True)}
    slug = _slug(export.name, rows, list(files))
    works = tuple(
        Work(repository, _owners(repository, slug, rows, files), tuple(found), submitted=_time(repository, rows))
        for repository, found in files.items()
    )
    return PlatformExport(works, unused=tuple(unused))


def _rows(export: Export) -> Iterator[Mapping[str, str]]:
    """The rows of the grades tables at the top of the export."""
    for file in export.files:
        if "/" not in file.path and file.path.lower().endswith(".csv"):
            table = export.table(file)
            if table and "studentrepositoryname" in table.headings:
                yield from table.records()


def _slug(name: str, rows: Sequence[Mapping[str, str]], repositories: Sequence[str]) -> str:
    """The start that all repository names share: from the folder's name, else from the names themselves."""
    if name.endswith(_SUBMISSIONS) and all(each.startswith(name.removesuffix("submissions")) for each in repositories):
        return name.removesuffix("submissions")
    users = {row["studentrepositoryname"]: row.get("githubusername", "") for row in rows}
    for repository in repositories:
        user = users.get(repository, "")
        if user and repository.endswith(f"-{user}"):
            return repository.removesuffix(user)
    shared = shared_start(repositories) if len(repositories) > 1 else ""
    return shared[: shared.rfind("-") + 1]


def _owners(
    repository: str, slug: str, rows: Sequence[Mapping[str, str]], repositories: Collection[str]
) -> tuple[Ids, ...]:
    """The owners by the rows of the table, except rows whose user has their own repository of the same assignment."""
    others = {folded(each) for each in repositories} - {folded(repository)}
    mine = [row for row in rows if folded(row["studentrepositoryname"]) == folded(repository)]
    mine = [row for row in mine if folded(slug + row.get("githubusername", "")) not in others]
    owners = [
        ids((IdKind.NUMBER, row.get("rosteridentifier", "")), (IdKind.PLATFORM, row.get("githubusername", "")))
        for row in mine
    ]
    if any(owners):
        return tuple(owner for owner in owners if owner)
    user = repository.removeprefix(slug) if slug and repository.startswith(slug) else ""
    return (ids((IdKind.PLATFORM, user)),) if user else ()


def _time(repository: str, rows: Sequence[Mapping[str, str]]) -> str:
    return next((r.get("submissiontimestamp", "") for r in rows if r["studentrepositoryname"] == repository), "")
