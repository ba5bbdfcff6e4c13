"""A feedback document as PDF, with DejaVu fonts embedded as far as they are used. Equal feedback gives equal bytes.

DejaVu has Latin, Greek, Cyrillic, Hebrew, Arabic and many symbols. A character that no font has is written by its
number, such as U+4E2D, instead of as an empty box: give a font that has it.
"""

import logging
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

from serving.feedback.feedback import Feedback, FeedbackCheck, FeedbackCriterion
from serving.feedback.wording import NOT_GRADED, PROVISIONAL, marks, percent, total

CREATED = datetime(2000, 1, 1, tzinfo=UTC)
"""The documents' date, so that equal feedback gives an equal file."""
SANS, MONO, FALLBACK = "sans", "mono", "fallback"
FILES = {SANS: "DejaVuSans.ttf", f"{SANS}B": "DejaVuSans-Bold.ttf", MONO: "DejaVuSansMono.ttf"}
SIZES = {"title": 18.0, "heading": 13.0, "text": 10.5, "code": 9.0}
"""Font sizes in points."""
LINE = 1.35
"""Line height in font sizes."""
MARGIN_MM = 20.0

logging.getLogger("fontTools").setLevel(logging.ERROR)  # it logs every table of a font that it drops


def pdf(feedback: Feedback, font: Path | None = None) -> bytes:
    """`font`: a TrueType or OpenType file for characters that DejaVu does not have."""
    document = _Document(font)
    document.write(feedback.lab, "title", bold=True)
    document.write(f"Student: {feedback.student}")
    if reached := total(feedback):
        document.write(f"Total: {reached}", bold=True)
    if feedback.provisional:
        document.write(PROVISIONAL)
    for criterion in feedback.criteria:
        _criterion(document, criterion)
    if feedback.checks:
        document.write("Tests", "heading", bold=True)
        if feedback.tests:
            document.write(feedback.tests)
    for check in feedback.checks:
        _check(document, check)
    return document.bytes()


def _criterion(document: "_Document", criterion: FeedbackCriterion) -> None:
    document.write(criterion.title, "heading", bold=True)
    points = marks(criterion)
    rating = criterion.rating if criterion.rating is not None else NOT_GRADED
    suffix = f"{f' ({points})' if points else ''}{', provisional' if criterion.provisional else ''}"
    document.write(rating + suffix, bold=True)
    for text in (criterion.meaning, criterion.comment):
        if text:
            document.write(text)
    if criterion.evidence:
        document.write(f"Evidence: {'; '.join(criterion.evidence)}")
    if criterion.probabilities:
        shares = (f"{title} {percent(share)}" for title, share in criterion.probabilities.items())
        document.write(f"Probabilities: {', '.join(shares)}")


def _check(document: "_Document", check: FeedbackCheck) -> None:
    document.write(f"{check.name}: {check.outcome}", bold=True)
    for label, text in check.texts.items():
        document.write(f"{label}:")
        document.write(text, "code")
    if check.lines:
        document.write("\n".join(check.lines), "code")


class _Document:
    """A4 pages that are filled from top to bottom."""

    def __init__(self, font: Path | None) -> None:
        self._pdf = FPDF(format="A4")
        self._pdf.set_creation_date(CREATED)
        self._pdf.set_lang("en")
        self._pdf.set_title("Feedback")
        self._pdf.set_margin(MARGIN_MM)
        self._pdf.set_auto_page_break(True, MARGIN_MM)
        self._loaded: set[str] = set()
        self._use(SANS)
        if font:
            self._pdf.add_font(FALLBACK, "", font)
        self._pdf.set_fallback_fonts([FALLBACK] * (font is not None) + [SANS], exact_match=False)
        self._known = _characters(_font_file(SANS)) | (_characters(font) if font else frozenset())
        self._pdf.add_page()

    def write(self, text: str, style: str = "text", *, bold: bool = False) -> None:
        """Adds a paragraph. Line ends remain; long words are broken."""
        size = SIZES[style]
        self._use(MONO if style == "code" else SANS + "B" * bold, size)
        self._pdf.ln(size * (0.5 if style == "heading" else 0.15) * 0.3528)
        self._pdf.multi_cell(
            0,
            size * LINE * 0.3528,  # millimetres in a point
            self._printable(text),
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
            wrapmode=WrapMode.CHAR if style == "code" else WrapMode.WORD,
        )

    def _use(self, name: str, size: float = SIZES["text"]) -> None:
        """Selects a font; reading one takes a fifth of a second, so only those that are used are read."""
        family, style = name.removesuffix("B"), name[len(name.removesuffix("B")) :]
        if name not in self._loaded:
            self._loaded.add(name)
            self._pdf.add_font(family, style, _font_file(name))
        self._pdf.set_font(family, style, size)

    def _printable(self, text: str) -> str:
        expanded = text.replace("\r\n", "\n").expandtabs(4)
        return "".join(each if each == "\n" or self._has(each) else f"U+{ord(each):04X}" for each in expanded)

    def _has(self, character: str) -> bool:
        return ord(character) in self._known and character.isprintable()

    def bytes(self) -> bytes:
        return bytes(self._pdf.output())


def _font_file(name: str) -> Path:
    """The file of one of `FILES`, which matplotlib brings."""
    from matplotlib import get_data_path

    return Path(get_data_path()) / "fonts" / "ttf" / FILES[name]


@cache
def _characters(path: Path) -> frozenset[int]:
    """The code points that a font has."""
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())
