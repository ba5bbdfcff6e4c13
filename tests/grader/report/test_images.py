"""Figures as images: reproducible, readable on light and dark pages, with literal text."""

import base64
import re
from typing import Any
from xml.etree import ElementTree

from grader.report.images import DARK, LIGHT, Palette, figure_image


def draw(figure: Any, palette: Palette) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [1, 0], "o", color=palette.blue)
    axes.set_title('a <b> $x_1$ \u4f60\u597d & "quoted"')
    axes.axhline(0.5, color=palette.ink)


def svg_of(url: str) -> str:
    head, data = url.split(",")
    assert head == "data:image/svg+xml;base64"
    return base64.b64decode(data).decode()


def test_the_same_figure_gives_the_same_bytes() -> None:
    first, second = (figure_image(draw, alt="a line", size=(4, 3)) for _ in range(2))
    assert first == second


def test_light_and_dark_images_use_their_own_colours() -> None:
    image = figure_image(draw, alt="a line", size=(4, 3))
    for url, own, other in ((image.light, LIGHT, DARK), (image.dark, DARK, LIGHT)):
        svg = svg_of(url)
        assert own.blue in svg and own.ink in svg and own.faint in svg
        assert not any(colour in svg for colour in other)


def test_text_is_literal_and_images_have_no_external_references() -> None:
    svg = svg_of(figure_image(draw, alt="a line", size=(4, 3)).light)
    texts = [each.text for each in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert 'a <b> $x_1$ \u4f60\u597d & "quoted"' in texts
    assert all(target.startswith("#") for target in re.findall(r'(?:href="|url\()([^")]*)', svg))


def test_size_is_in_css_pixels() -> None:
    image = figure_image(draw, alt="a line", size=(4, 3))
    assert (image.width, image.height) == (384, 288)
