"""Write docs/validation/official.md: figures against official results, golden sets and real plates, by one command.

    python benchmarks/validation/official.py SHARED_DATA_FOLDER

Each ``<topic>.py`` beside it has ``section(shared: Path) -> str``, which runs the checks of its topic and
returns them as Markdown; this script runs all of them (or those named with --only) and joins the sections.
"""

import argparse
import importlib.util
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/
from lib.record import Aim, write_record

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "validation" / "official.md"
TOPICS = ("level2", "levels", "inference", "consensus", "connectivity", "real_plates", "determinism")
HEAD = """# Validation

What beadwork computes, held against official results, golden sets and real plates. The page is written by

```
python benchmarks/validation/official.py DATA
```

where DATA is a folder with the public material that each section names (plates, golden sets; not part of this
project). Figures are those of the run that wrote the page; a target that was missed is stated as such.
"""


def load_section(topic: str):
    """Import ``<topic>.py`` and return its ``section`` function, or None if there is no such file."""
    path = HERE / f"{topic}.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location(f"validation_{topic}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.section


def replace_section(page: str, part: str) -> str:
    """Put a section in the place of the one with the same heading."""
    head = part.split("\n", 1)[0]
    before, found, after = page.partition(f"\n{head}\n")
    if not found:
        raise SystemExit(f"the page has no section {head!r}; write it as a whole")
    _, follows, rest = after.partition("\n## ")
    return f"{before}\n{part}\n" + (f"\n## {rest}" if follows else "")


def page_aims(parts: list[str]) -> list[Aim]:
    """One aim for each section that has targets: none missed."""
    counts = [(part.split("\n", 1)[0].strip("# "), len(re.findall(r"\b(?:met|missed)\b[* ]*\|", part)),
               len(re.findall(r"\bmissed\b[* ]*\|", part))) for part in parts]  # fmt: skip
    return [Aim(f"{head}: targets missed, of {total}", 0, missed) for head, total, missed in counts if total]


def main() -> None:
    """Run the sections and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the shared data")
    parser.add_argument("--only", action="append", help="run this topic and print it, without writing the page")
    parser.add_argument("--write", action="store_true", help="with --only: put its section into the page")
    arguments = parser.parse_args()
    parts = []
    for topic in arguments.only or TOPICS:
        section = load_section(topic)
        if section is not None:
            print(f"validation: {topic} ...", flush=True)
            parts.append(section(arguments.data).strip())
    if arguments.only:
        print("\n\n".join(parts))
        if arguments.write:
            for part in parts:
                PAGE.write_text(replace_section(PAGE.read_text(encoding="utf-8"), part), encoding="utf-8")
        return
    PAGE.write_text("\n\n".join([HEAD.strip(), *parts]) + "\n", encoding="utf-8")
    write_record("validation-official", "python benchmarks/validation/official.py DATA", page_aims(parts))
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
