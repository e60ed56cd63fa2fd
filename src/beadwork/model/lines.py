"""Lines of a text."""

from collections.abc import Iterator


def split_lines(text: str) -> list[str]:
    r"""Lines that end in ``\n``, ``\r\n`` or ``\r``; no other character ends one, unlike ``str.splitlines``."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def iter_lines(text: str) -> Iterator[str]:
    """Lines as :func:`split_lines` finds them, one by one: those of a long text take as much memory as it."""
    if "\r" in text:
        yield from split_lines(text)
        return
    start = 0
    while (stop := text.find("\n", start)) >= 0:
        yield text[start:stop]
        start = stop + 1
    yield text[start:]
