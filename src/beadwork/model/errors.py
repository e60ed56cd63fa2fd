"""The mistakes a user can make, as exceptions with one clear line each.

A :class:`BeadworkError` is the user's to fix: the command line prints its message and exits with code 2.  Any other
exception is a bug of ours: traceback, exit code 1.  A message names the file (or well, gene, key), says what was
expected and how to fix it.
"""

from collections.abc import Iterable


class BeadworkError(Exception):
    """Base of all user errors; ``str(error)`` is the one line that is shown."""


class FileError(BeadworkError):
    """A file or folder is missing, unreadable, truncated or of another kind than its name says."""


class MapError(BeadworkError):
    """A plate map or plate sheet lacks a column, repeats a well or disagrees with the files."""


class ParameterError(BeadworkError):
    """A parameter is unknown, out of bounds or contradicts another one."""


class LevelError(BeadworkError):
    """A matrix is not at the level (GEX, QNORM, ...) or in the gene space (LM, BING, AIG) that is needed."""


class AlignmentError(BeadworkError):
    """Rows or columns that must agree do not."""


class GeneSetError(BeadworkError):
    """A gene-set file or a query cannot be used."""


class IndexStoreError(BeadworkError):
    """A connectivity index is missing, damaged or of another version."""


class ServerError(BeadworkError):
    """A server cannot be reached, or refuses."""


def name_some(names: Iterable[object], limit: int = 5) -> str:
    """Join at most `limit` names for a message and count the rest: ``A01, A02, ... (12 in all)``."""
    listed = [str(name) for name in names]
    head = ", ".join(listed[:limit])
    return head if len(listed) <= limit else f"{head}, ... ({len(listed)} in all)"


MOST_MISTAKES = 20
"""Mistakes that are reported at once; a sheet of thousands of rows can hold as many."""


def all_at_once(mistakes: Iterable[str]) -> str:
    """Join mistakes, one per line, each once, the first twenty; an absurdly long one is cut."""
    lines = [line if len(line) <= 400 else f"{line[:200]} ... {line[-150:]}" for line in dict.fromkeys(mistakes)]
    more = len(lines) - MOST_MISTAKES
    return "\n".join(lines[:MOST_MISTAKES] + ([f"... and {more} more mistakes"] if more > 0 else []))


IRREGULAR = {"index": "indexes", "analysis": "analyses", "axis": "axes", "is": "are", "was": "were", "has": "have",
             "needs": "need", "says": "say", "it": "them", "its": "their"}  # fmt: skip
"""Plurals that no rule of :func:`plural` makes, verbs and pronouns among them."""


def plural(noun: str) -> str:
    """Plural of a noun, of the last word of several, or of a verb of ``IRREGULAR``."""
    head, blank, last = noun.rpartition(" ")
    if last in IRREGULAR:
        return f"{head}{blank}{IRREGULAR[last]}"
    if last.endswith("y") and last[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if last.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def counted(number: int, noun: str, several: str = "") -> str:
    """Say how many: the noun in the plural unless it is one.

    >>> counted(1, "gene"), counted(2, "query"), counted(1201944, "signature")
    ('1 gene', '2 queries', '1,201,944 signatures')
    >>> counted(2, "gene of the set", "genes of the set")
    '2 genes of the set'
    """
    return f"{number:,} {noun if number == 1 else several or plural(noun)}"


def how_many(number: int, noun: str, verb: str = "") -> str:
    """Begin a sentence about a number of things: none is "no gene", not "0 genes".

    >>> how_many(0, "gene", "is"), how_many(1, "gene", "has"), how_many(12, "gene", "is"), how_many(0, "up gene")
    ('no gene is', '1 gene has', '12 genes are', 'no up gene')
    """
    things = f"no {noun}" if number == 0 else counted(number, noun)
    return f"{things} {agree(number or 1, verb)}" if verb else things


def agree(number: int, word: str) -> str:
    """Verb or pronoun that goes with a number of things.

    >>> agree(1, "is"), agree(3, "has")
    ('is', 'have')
    """
    return word if number == 1 else plural(word)
