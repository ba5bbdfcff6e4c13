"""Fails on words and phrases that the project does not use: `check.py [--count] [PATH...]`.

codespell checks single words, also inside identifiers (`dialect.txt`, and its own list of typing errors). Phrases
(`phrases.txt`) are regular expressions, because codespell supports single words only. A comment `codespell:ignore` at
the end of a line exempts it.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Files made by tools, and texts that are data.
SKIPPED = re.compile(
    r"\.(png|svg|lock|zip)$|^serving/web/static/code.css|^LICENSE|^requirements/|^\.ci/words/|^labs/[^/]+/"
    r"|^prompts/attacks/(evaluation|training).yaml|^serving/injection/phrases.yaml|^labs_schema/privacy/common_words.txt"
    r"|^labs_schema/reading/ratings/table_words.py|^tests/recorded/"
    # Part of every prompt and of its hash: a change of wording would make trained models unusable.
    r"|^prompts/templates/system.txt"
)


def checked_files(paths: list[str]) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *paths],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [name for name in listed.stdout.splitlines() if not SKIPPED.search(name)]
    return [name for name in names if (ROOT / name).is_file()]


def word_hits(names: list[str]) -> list[str]:
    codespell = [str(Path(sys.executable).with_name("codespell")), *names]
    done = subprocess.run(codespell, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 65):  # 65 is EX_DATAERR: misspellings were found
        sys.exit(done.stderr)
    return done.stdout.splitlines()


def phrase_hits(names: list[str]) -> list[str]:
    lines = (HERE / "phrases.txt").read_text(encoding="utf-8").splitlines()
    rules = [line.split(" => ") for line in lines if line and not line.startswith("#")]
    patterns = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in rules]
    return [
        f"{name}:{number}: {found[0].strip()} ==> {instead}"
        for name in names
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1)
        for pattern, instead in patterns
        if "codespell:ignore" not in line and (found := pattern.search(line))
    ]


def main() -> int:
    paths = [path for path in sys.argv[1:] if not path.startswith("--")]
    names = checked_files(paths)
    hits = word_hits(names) + phrase_hits(names)
    if "--count" in sys.argv:
        folders = Counter("/".join(hit.split(":")[0].split("/")[:2]) for hit in hits)
        print("\n".join(f"{count:6} {folder}" for folder, count in folders.most_common()))  # noqa: T201
    else:
        print("\n".join(sorted(hits)))  # noqa: T201
    print(f"{len(hits)} hits in {len(names)} files", file=sys.stderr)  # noqa: T201
    return bool(hits)


if __name__ == "__main__":
    sys.exit(main())
