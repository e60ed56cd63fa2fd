"""Lines of a text."""


def split_lines(text: str) -> list[str]:
    r"""Lines that end in ``\n``, ``\r\n`` or ``\r``; no other character ends one, unlike ``str.splitlines``."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")
