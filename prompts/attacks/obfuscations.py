"""Obfuscations: spellings that evade a filter and that a language model may still read."""

import base64
import codecs

# fmt: off
TWINS = str.maketrans({
    "a": "\u0430", "c": "\u0441", "e": "\u0435", "i": "\u0456", "o": "\u043e", "p": "\u0440", "s": "\u0455",
    "x": "\u0445", "y": "\u0443", "A": "\u0410", "B": "\u0412", "E": "\u0415", "H": "\u041d", "M": "\u041c",
    "O": "\u041e", "P": "\u0420", "T": "\u0422",
})
DIGITS = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
# fmt: on
ZERO_WIDTH = "\u200b"
RIGHT_TO_LEFT, POP = "\u202e", "\u202c"
TAGS = 0xE0000


def homoglyphs(text: str) -> str:
    """Cyrillic letters that look like the Latin ones."""
    return text.translate(TWINS)


def zero_width(text: str) -> str:
    """A zero-width space between any two characters."""
    return ZERO_WIDTH.join(text)


def reversed_by_controls(text: str) -> str:
    """Reversed, between bidi controls that display it forwards."""
    return RIGHT_TO_LEFT + text[::-1] + POP


def invisible_tags(text: str) -> str:
    """The text in Unicode tag characters, which no font shows, after a visible word."""
    return "todo" + "".join(chr(TAGS + ord(char)) for char in text if char.isascii())


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def in_hexadecimal(text: str) -> str:
    return text.encode().hex()


def rotated(text: str) -> str:
    """ROT13."""
    return codecs.encode(text, "rot13")


def digits_for_letters(text: str) -> str:
    return text.lower().translate(DIGITS)


def spaced_out(text: str) -> str:
    """A blank between any two characters."""
    return " ".join(text)
