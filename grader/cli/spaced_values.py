"""Lets a command be typed as its users typed the original: several values after one flag, `1` or `0` after a switch."""

from itertools import chain
from typing import Any

from grader.cli.flowing_help import FlowingHelp

MANY = ("--eval-lab-names",)
SWITCHES = ("--verbose", "--reasoning", "--shuffle")


class SpacedValues(FlowingHelp):
    """A command without positional arguments, so that whatever follows a flag belongs to it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spelled_out(args))


def spelled_out(args: list[str]) -> list[str]:
    """`--eval-lab-names A B --verbose 0` becomes `--eval-lab-names A --eval-lab-names B --no-verbose`."""
    plain: list[str] = []
    flag, used = "", False
    for arg in chain.from_iterable(map(_parts, args)):
        if arg.startswith("--"):
            flag, used = arg, False
            if flag not in MANY:
                plain.append(flag)
        elif flag in MANY:
            used = True
            plain += [word for name in arg.split(",") if name.strip() for word in (flag, name.strip())]
        elif flag in SWITCHES and not used and arg in ("0", "1"):
            used = True
            if arg == "0":
                plain[-1] = flag.replace("--", "--no-", 1)
        else:
            plain.append(arg)
    return plain


def _parts(arg: str) -> list[str]:
    """`--flag=value` of these flags in two."""
    flag, equals, value = arg.partition("=")
    return [flag, value] if equals and flag in MANY + SWITCHES else [arg]
