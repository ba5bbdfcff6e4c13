"""Takes the screenshots of docs/guide/tutorial.md and reviewing.md in Chromium, from a sample lab with grades that are
always the same.

python -m benchmarks.pages.tutorial_screenshots [--out docs/guide]

Time: a minute. Figures: docs/guide/tutorial.md.
"""

import argparse
import tempfile
from pathlib import Path

from labs_schema.models import Lab
from labs_schema.observations import CheckKind, CheckResult, EvidenceLine, Outcome, SubmissionObservations
from labs_schema.reading.validate import load_lab
from serving.store.store import Store, open_store
from tests.harness.browser.chromium import chromium
from tests.harness.browser.pages import record_lab
from tests.harness.browser.review_browser import Service, open_first, saved
from tests.harness.processes.forking import ROOT

LAB, STUDENT = "cpp_second_largest", "s125"
SIZE = {"width": 1120, "height": 700}
LARGE = {"width": 1280, "height": 860}
NEGATIVES = CheckResult(
    check="negatives",
    kind=CheckKind.TEST,
    outcome=Outcome.FAILED,
    input="3\n-5 -1 -9\n",
    expected="-5",
    actual="none",
)
FINE = CheckResult(check="ordinary", kind=CheckKind.TEST, outcome=Outcome.PASSED)
REASON = "Line 8 and line 9 start at 0, so the answer to a list of negative numbers is none."


def screenshots(out: Path, labs: Path = ROOT / "labs") -> list[Path]:
    """`tutorial-lab.png`, `tutorial-submission.png`, `tutorial-rated.png` and `reviewing.png` in `out`."""
    paths = [out / f"{name}.png" for name in ("tutorial-lab", "tutorial-submission", "tutorial-rated", "reviewing")]
    lab = load_lab(labs / LAB)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        store = open_store(f"sqlite:///{folder}/store.db")
        record_lab(store, lab, accept=0.85)
        service = Service(browser, store, blind_share=0.0)
        try:
            page = service.lab(service.page(viewport=SIZE, reduced_motion="reduce"), LAB)
            page.screenshot(path=paths[0])
            open_first(page)
            page.screenshot(path=paths[1])
            page.keyboard.press("2")
            saved(page)
            page.screenshot(path=paths[2])
            page.set_viewport_size(LARGE)
            page.goto(f"{service.url}/grades/{_with_evidence(store, lab)}")
            page.evaluate("mark(find('#c2')); find('#c2').scrollIntoView()")
            page.screenshot(path=paths[3])
        finally:
            service.close()
            store.close()
    return paths


def _with_evidence(store: Store, lab: Lab) -> str:
    """The id of a grade with observed outcomes and a reason."""
    [one] = (each for each in lab.submissions if each.student == STUDENT)
    observed = SubmissionObservations(submission="0" * 64, results=(FINE, NEGATIVES))
    one = one.model_copy(update={"observations": observed})
    evidence = (EvidenceLine(check="negatives", outcome=Outcome.FAILED),)
    shares = {"A": 0.08, "B": 0.83, "C": 0.09}
    grade = {"rating": "B", "probabilities": shares, "confidence": 0.83, "reasoning": REASON}
    grade |= {"evidence": evidence, "review_reasons": ("low-confidence: 0.83 < 0.85",)}
    [found] = record_lab(store, lab.model_copy(update={"submissions": (one,)}), request="job2", accept=0.85, c2=grade)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "guide")
    screenshots(parser.parse_args().out)


if __name__ == "__main__":
    main()
