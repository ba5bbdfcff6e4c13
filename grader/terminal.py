"""Text that is safe to print on a terminal."""


def printable(text: str) -> str:
    """`text` with control characters as spaces: labs and submissions must not be able to send escape sequences."""
    return "".join(character if character.isprintable() else " " for character in text)
