"""The site holds what its pages link to, wherever that lies in the repository.

Pages link by the paths of the plain file tree, such as `../reproductions/results/…/report.md`, so that they can be read
there. The site has the same tree with two changes: `docs/` is its root, and `README.md` its `index.md`. This hook takes
in the README and every file of the repository that a page links to, and those that these link to, and rewrites links to
the site's paths.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def _site_path(path: str) -> str:
    """A path in the repository → its path on the site."""
    return "index.md" if path == "README.md" else path.removeprefix("docs/")


def _repository_path(site_path: str) -> str:
    """The reverse of `_site_path`."""
    if site_path == "index.md":
        return "README.md"
    return f"docs/{site_path}" if (ROOT / "docs" / site_path).exists() else site_path


def _targets(path: str, text: str) -> list[str]:
    """Paths in the repository that the page at `path` links to; links that lead nowhere are left for MkDocs to name."""
    targets = [
        posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
        for link in _LINK.findall(text)
    ]
    return [target for target in targets if (ROOT / target).is_file()]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    waiting = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    waiting += [_repository_path(page.src_uri) for page in files.documentation_pages()]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        site_path = _site_path(path)
        if files.get_file_from_path(site_path) is None:
            files.append(
                File.generated(config, site_path, abs_src_path=str(ROOT / path))
            )
        if path.endswith(".md"):
            found = (
                set(_targets(path, (ROOT / path).read_text(encoding="utf-8"))) - seen
            )
            seen |= found
            waiting += sorted(found)
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    site_folder = posixpath.dirname(page.file.src_uri)
    folder = posixpath.dirname(_repository_path(page.file.src_uri))

    def rewritten(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[1]))
        return (
            posixpath.relpath(_site_path(target), site_folder or ".")
            if (ROOT / target).is_file()
            else link[1]
        )

    return _LINK.sub(rewritten, markdown)
