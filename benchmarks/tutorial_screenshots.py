"""Takes the screenshots of docs/guide/tutorial.md in Chromium, from a sample lab with grades that are always the same.

python -m benchmarks.tutorial_screenshots [--out docs/guide]
"""

import argparse
import tempfile
from pathlib import Path

from labs_schema.reading.validate import load_lab
from serving.store.store import open_store
from tests.harness.chromium import chromium
from tests.harness.pages import record_lab
from tests.harness.processes import ROOT
from tests.harness.review_browser import Service, open_first, saved

LAB = "cpp_second_largest"
SIZE = {"width": 1120, "height": 700}


def screenshots(out: Path, labs: Path = ROOT / "labs") -> list[Path]:
    """`tutorial-lab.png`, `tutorial-submission.png` and `tutorial-rated.png` in `out`."""
    paths = [out / f"tutorial-{name}.png" for name in ("lab", "submission", "rated")]
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        store = open_store(f"sqlite:///{folder}/store.db")
        record_lab(store, load_lab(labs / LAB), accept=0.85)
        service = Service(browser, store, blind_share=0.0)
        try:
            page = service.lab(service.page(viewport=SIZE), LAB)
            page.screenshot(path=paths[0])
            open_first(page)
            page.screenshot(path=paths[1])
            page.keyboard.press("2")
            saved(page)
            page.screenshot(path=paths[2])
        finally:
            service.close()
            store.close()
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "guide")
    screenshots(parser.parse_args().out)


if __name__ == "__main__":
    main()
