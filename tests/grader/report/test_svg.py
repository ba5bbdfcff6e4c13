"""A figure in a page: the same bytes each time, ids of its own, colours that follow the page."""

import re
from typing import Any

import pytest

from grader.report.svg import INK, SERIES, inline_svg


def draw(figure: Any) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [1, 0], "o", color=SERIES[0])
    axes.set_title('a <b> $x_1$ \u4f60\u597d & "quoted"')
    axes.axhline(0.5, color=INK)


def test_the_same_figure_gives_the_same_bytes() -> None:
    first, second = (inline_svg(draw, name="one", alt="a line", size=(4, 3)) for _ in range(2))
    assert first == second


def test_two_figures_of_a_page_share_no_id() -> None:
    first, second = (inline_svg(draw, name=name, alt="a line", size=(4, 3)) for name in ("one", "two"))
    ids = [re.findall(r' id="([^"]*)"', svg) for svg in (first, second)]
    assert ids[0] and not set(ids[0]) & set(ids[1])
    assert set(re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', first)) <= {(i, "") for i in ids[0]} | {
        ("", i) for i in ids[0]
    }


def test_text_stays_text_and_colours_are_the_pages() -> None:
    svg = inline_svg(draw, name="one", alt='what "it" shows <b>', size=(4, 3))
    assert "a &lt;b&gt; $x_1$ \u4f60\u597d &amp;" in svg
    assert 'aria-label="what &#34;it&#34; shows &lt;b&gt;"' in svg
    assert "var(--series-1)" in svg and "var(--ink)" in svg
    assert INK not in svg and "<style" not in svg and "<metadata" not in svg and "<!DOCTYPE" not in svg


@pytest.mark.parametrize("alt", [r"\1 \g<0>", "100 %"])
def test_an_alternative_text_is_taken_as_it_is(alt: str) -> None:
    assert f'aria-label="{alt}"'.replace("<", "&lt;").replace(">", "&gt;") in inline_svg(
        draw, name="one", alt=alt, size=(4, 3)
    )
