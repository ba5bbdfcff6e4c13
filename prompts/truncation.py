"""Shortens student code that exceeds the model's context by removing its middle and marking the gap."""

from collections.abc import Callable

from prompts.style import CODE_BEGIN, CODE_END

GAP_MARKER = '<student-code-left-out characters="{}"/>'
LINE_SEARCH_CHARS = 200
"""A cut moves to a line boundary within this many characters."""

Encode = Callable[[str], tuple[int, ...]]


def truncate_to_fit(shared: str, max_tokens: int, encode: Encode) -> tuple[int, ...]:
    """Ids of `shared` with as little code removed as fits into `max_tokens`, found by binary search. Deterministic.

    Returns too many ids if the prompt does not fit even without code, or if `shared` has no code delimiters. The caller
    rejects these.
    """
    begin, end = shared.find(CODE_BEGIN), shared.rfind(CODE_END)
    if begin < 0 or end < 0:
        return encode(shared)
    begin += len(CODE_BEGIN)
    before, code, after = shared[:begin], shared[begin:end], shared[end:]
    best = encode(before + remove_middle(code, 0) + after)
    low, high = 0, len(code)
    while high - low > 1:
        chars = (low + high) // 2
        ids = encode(before + remove_middle(code, chars) + after)
        if len(ids) <= max_tokens:
            low, best = chars, ids
        else:
            high = chars
    return best


def remove_middle(code: str, chars: int) -> str:
    """At most `chars` characters of `code`, half from its start and half from its end, cut at line boundaries."""
    head, tail = code[: chars - chars // 2], code[len(code) - chars // 2 :]
    line_end, line_start = head.rfind("\n") + 1, tail.find("\n") + 1
    if line_end and len(head) - line_end < LINE_SEARCH_CHARS:
        head = head[:line_end]
    if line_start and line_start < LINE_SEARCH_CHARS:
        tail = tail[line_start:]
    newline = "" if not head or head.endswith("\n") else "\n"
    return head + newline + GAP_MARKER.format(len(code) - len(head) - len(tail)) + "\n" + tail
