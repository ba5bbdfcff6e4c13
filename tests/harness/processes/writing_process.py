"""Records one grade after another, of the lab and program on standard input, and prints the id of each.

python -m tests.harness.processes.writing_process STORE_URL COUNT SYNCHRONOUS
"""

import json
import os
import sys

import serving.store.database
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.store.store import open_store


def main() -> None:
    _, url, count, synchronous = sys.argv
    if synchronous != "default":
        serving.store.database.PRAGMAS["synchronous"] = synchronous
    given = json.load(sys.stdin)
    lab, work = Lab.model_validate(given["lab"]), Submission.model_validate(given["work"])
    grade = Grade.model_validate(given["grade"])
    store = open_store(url)
    for number in range(int(count)):
        who = {"student": store.pseudonym_for("c", f"s{number}", actor="api")}
        works, grades = [work.model_copy(update=who)], [grade.model_copy(update=who)]
        [grade_id] = store.record_grades(lab, works, grades, request="job", actor="job")
        os.write(1, f"{grade_id}\n".encode())


if __name__ == "__main__":
    main()
