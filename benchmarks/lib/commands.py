"""What commands of beadwork take, for benchmarks that print it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

BEADWORK = Path(sys.executable).parent / "beadwork"


def measured(*words: object) -> None:
    """Run a command of beadwork and print what it took."""
    texts = [str(BEADWORK), *map(str, words)]
    child = os.posix_spawn(texts[0], texts, os.environ)
    _, status, used = os.wait4(child, 0)
    if status:
        sys.exit(f"{' '.join(texts)}: ended with {os.waitstatus_to_exitcode(status)}")
    load = os.getloadavg()[0]
    print(f"{used.ru_utime + used.ru_stime:8.1f} CPU s  {used.ru_maxrss / 1024:6.0f} MB  load {load:4.1f}  "
          f"{' '.join(texts[1:9])}", flush=True)  # fmt: skip
