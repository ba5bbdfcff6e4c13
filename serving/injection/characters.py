"""Characters that look like others, turn the text around, or cannot be seen. Knows no words.

Boucher and Anderson, "Trojan Source: Invisible Vulnerabilities" (2021); Unicode's tag block and variation selectors
can carry a whole message that no editor shows. Look-alikes: the Cyrillic, Greek and other letters that are drawn like a
Latin one, after Unicode's confusables list (UTS 39), as far as they serve to write English.
"""

# ruff: noqa: RUF001
import re
import unicodedata

_TURNING = "\u202a-\u202e\u2066-\u2069"
_MARKS = "\u200e\u200f\u061c"
_UNSEEN = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0000-\U000e007f"

DIRECTION = re.compile(f"[{_TURNING}]|[{_MARKS}](?=[ -~])")
INVISIBLE = re.compile(
    rf"(?<=\w)[{_UNSEEN}]++(?=[!-~])|[\u200b-\u200d\u2060-\u2064]{{3,}}+|[{_TAGS}]|[{_SELECTORS}]{{3,}}+"
    r"|[\U000e0100-\U000e01ef]"
)
"""Between letters, several in a row, or of the two blocks that hold messages. A single one in an emoji, in Persian or
at the start of a file is no sign of anything."""

_CONTROL = re.compile(f"[{_TURNING}{_MARKS}{_UNSEEN}{_SELECTORS}{_TAGS}]")
_BREAKS = re.compile("[\u2028\u2029\x85\x0b\x0c]")

_LOOK_ALIKES = {
    # Cyrillic, Greek and a few more, each beside the Latin letter that it is drawn like
    **dict(zip("аеорсухіјѕһԁԛԝӏѵԍкмтнвгпиг", "aeopcyxijshdqwlvgkmthbrnur", strict=True)),
    **dict(zip("АВЕКМНОРСТХУІЈЅԌҮЗ", "ABEKMHOPCTXYIJSGY3", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳ", "ABEZHIKMNOPTYXCj", strict=True)),
    **dict(zip("αγεηικνορτυχω", "ayenikvoptuxw", strict=True)),
    **dict(zip("ɑɡıɩʟɪᴀʙᴄᴅᴇɢʜᴊᴋᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "agiiliabcdeghjkmnoprstuvwyz", strict=True)),
    **dict(zip("օսոհցԍ", "ouuhgg", strict=True)),
}
_FOLD = str.maketrans(_LOOK_ALIKES)
_STRICT = frozenset("аеорсухіјѕһӏАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧονιυ")
_MIXED = re.compile(r"[^\W\d_]{3,}")


def without_controls(text: str) -> str:
    """`text` without bidi controls and invisible characters; odd line separators become spaces. Lines stay."""
    return text if text.isascii() and not _BREAKS.search(text) else _BREAKS.sub(" ", _CONTROL.sub("", text))


def hidden_message(text: str) -> str:
    """What tags and variation selectors in `text` spell in ASCII, as far as they do."""
    return "".join(_hidden(ord(char)) for char in _CONTROL.findall(text)) if not text.isascii() else ""


def folded(word: str) -> str:
    """`word` in plain Latin letters: full-width and mathematical letters, accents and look-alikes undone."""
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFKD", word).translate(_FOLD)
    return "".join(char for char in plain if not unicodedata.combining(char))


def look_alike_words(text: str) -> list[re.Match[str]]:
    """Words that mix Latin letters with those of another script that are drawn like Latin ones, or that are Latin in
    nothing but looks: mathematical or full-width letters."""
    return [] if text.isascii() else [match for match in _MIXED.finditer(text) if _mixed(match.group())]


def _mixed(word: str) -> bool:
    if word.isascii():
        return False
    styled = sum(_styled(char) for char in word)
    strange = styled + sum(char in _STRICT for char in word)
    return styled >= 3 or (strange > 0 and any(map(str.isascii, word)) and folded(word).isascii())


def _styled(char: str) -> bool:
    """Mathematical alphanumerics, full-width and enclosed letters: another drawing of an ASCII letter."""
    return char > "\u2000" and (plain := unicodedata.normalize("NFKC", char)) != char and plain.isascii()


def _hidden(code: int) -> str:
    if 0xE0020 <= code <= 0xE007E:
        return chr(code - 0xE0000)
    if 0xFE00 <= code <= 0xFE0F:
        return chr(code - 0xFE00)
    byte = code - 0xE0100 + 16
    return chr(byte) if 32 <= byte <= 126 else ""
