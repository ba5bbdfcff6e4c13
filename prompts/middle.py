"""Student code too long for a model: its middle is left out, in sight, and nothing else of the prompt is touched."""

from collections.abc import Callable

from prompts.wording import CODE_BEGIN, CODE_END

MARK = '<student-code-left-out characters="{}"/>'
WHOLE_LINE = 200
"""Characters within which a cut moves to the next line's end."""

Encode = Callable[[str], tuple[int, ...]]


def cut_to_fit(shared: str, room: int, encode: Encode) -> tuple[int, ...]:
    """Ids of `shared` with as little as possible left out of its code, for at most `room` tokens.

    Depends on nothing but its arguments. Where even no code at all does not fit, or `shared` has no code between our
    delimiters, the ids are still too many: the caller refuses them.
    """
    begin, end = shared.find(CODE_BEGIN), shared.rfind(CODE_END)
    if begin < 0 or end < 0:
        return encode(shared)
    begin += len(CODE_BEGIN)
    before, code, after = shared[:begin], shared[begin:end], shared[end:]
    fits = encode(before + without_middle(code, 0) + after)
    low, high = 0, len(code)
    while high - low > 1:
        keep = (low + high) // 2
        ids = encode(before + without_middle(code, keep) + after)
        if len(ids) <= room:
            low, fits = keep, ids
        else:
            high = keep
    return fits


def without_middle(code: str, keep: int) -> str:
    """At most `keep` characters of `code`, as many of its head as of its tail, by whole lines where lines are short."""
    head, tail = code[: keep - keep // 2], code[len(code) - keep // 2 :]
    line_end, line_start = head.rfind("\n") + 1, tail.find("\n") + 1
    if line_end and len(head) - line_end < WHOLE_LINE:
        head = head[:line_end]
    if line_start and line_start < WHOLE_LINE:
        tail = tail[line_start:]
    gap = "" if not head or head.endswith("\n") else "\n"
    return head + gap + MARK.format(len(code) - len(head) - len(tail)) + "\n" + tail
