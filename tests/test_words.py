"""Plain English: words that mean something else to most readers stay out of docs, messages, comments and names."""

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WORDS = {
    "report, say or distinguish": r"told|tell|tells",
    "fix": r"mend|mends|mended",
    "uncertainty": r"doubt|doubts|doubtful",
    "peak": r"heap|heaps",
    "space": r"room|rooms",
    "changes": r"news",
    "removed or absent": r"gone",
    "hypothesis or place": r"slot|slots",
    "subpopulation": r"lots",
    "inert": r"dull",
    "outlier well": r"odd wells?",
    "0.11": r"(?<=[ (\[=<>~])\.\d+",
}
"""What to write, and what it is written for."""
ALLOWED = re.compile(r"text heaps?|\(heap\)|by slots|`[^`\n]+`|<svg.*?</svg>", re.DOTALL)
"""The format HDF5 has heaps, Grid Engine has slots; code keeps its names."""
PAGES = [
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "config").rglob("*.md")]
    if "research" not in path.parts  # reports of what was tried, as they were written
]
MODULES = [path for path in (ROOT / "src").rglob("*.py") if "kernels" not in path.parts and path.stem != "hdf5_heap"]
TESTS = [path for path in (ROOT / "tests").rglob("test_*.py") if "kernels" not in path.parts]


def odd_words(text: str) -> list[str]:
    text = ALLOWED.sub(" ", text)
    return [
        f"{found[0]} (write {better})"
        for better, words in WORDS.items()
        for found in re.finditer(rf"(?<![\w.-])(?:{words})(?![\w-])", text, re.IGNORECASE)
    ]


def texts_and_comments(path: Path) -> str:
    """Messages, docstrings and comments of a module."""
    kinds = (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return "\n".join(token.string for token in tokens if token.type in kinds)


def test_pages_use_plain_words():
    found = {str(path.relative_to(ROOT)): odd_words(path.read_text(encoding="utf-8")) for path in PAGES}
    assert {name: words for name, words in found.items() if words} == {}


def test_messages_and_comments_use_plain_words():
    found = {str(path.relative_to(ROOT)): odd_words(texts_and_comments(path)) for path in MODULES}
    assert {name: words for name, words in found.items() if words} == {}


def test_names_of_tests_use_plain_words():
    names = [name for path in TESTS for name in re.findall(r"def test_(\w+)", path.read_text(encoding="utf-8"))]
    assert [name for name in names if odd_words(name.replace("_", " "))] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("genes that cannot be told apart", ["told (write report, say or distinguish)"]),
        ("0.11, 1.5, v.2, `told`, a text heap, a lot", []),
        ("rises to .11 (of .2)", [".11 (write 0.11)", ".2 (write 0.11)"]),
        ("an Odd Well", ["Odd Well (write outlier well)"]),
    ],
)
def test_words_are_found(text, words):
    assert odd_words(text) == words
