"""Text of the package page: the README without what would break there, since it has no files beside it.

Images go, their texts stay; links to files of the repository become plain text.  No address of a repository is known
that they could point to.
"""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

IMAGE = re.compile(r"!\[([^\]]*)\]\((?!https?:)[^)]*\)")
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|mailto:|#)[^)]*\)")


def page_text(readme: str) -> str:
    """README for a package page."""
    return LINK.sub(r"\1", IMAGE.sub(r"*(Figure in the source package: \1.)*", readme))


class PackagePage(MetadataHookInterface):
    """Sets the description of the package."""

    def update(self, metadata: dict) -> None:
        """Fill in what pyproject.toml calls dynamic."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": page_text(text)}
