"""Examples that run: the Python blocks of a page, in order, and what each prints, which the block below it shows.

    python docs/page_examples.py            # names what a page shows and its code does not print
    python docs/page_examples.py --write    # and shows what the code prints

A ```python block is run in a folder of its own with the names of the blocks before it; where it prints, a ```text block
below it shows what. Other blocks are left alone. A block whose first line is `# needs: torch` is run where torch is
installed (several are separated by commas), and named as not run where it is not; no other block may build on it.
Numbers with decimals may lie a quarter of themselves from those
shown, `TOLERANCE` at most and a step of the last decimal at least, as another processor sums in another order and
training carries that on; all else is equal.
"""

import contextlib
import importlib.util
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = tuple(
    page
    for folder in ("examples", "extend")
    for page in sorted((ROOT / "docs" / folder).glob("*.md"))
)
TOLERANCE = 0.03

_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n*^```text\n(?P<shown>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
_NEEDS = re.compile(r"# needs: (.+)\n")
_DECIMAL = re.compile(r"-?\d+\.\d+")


class Block(NamedTuple):
    """One block of code: its place on the page, what the page shows below it, what it printed, and the libraries that
    its first line names. It was not run where one of these is missing.
    """

    start: int
    end: int
    code: str
    shown: str
    printed: str
    needs: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """The libraries that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]

    @property
    def agrees(self) -> bool:
        """Whether the page shows what the code prints, as far as it was run."""
        return bool(self.missing) or agrees(self.shown, self.printed)


@contextlib.contextmanager
def _folder() -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def run(text: str, name: str = "example") -> list[Block]:
    """Run a page's code, block by block, in a folder that is removed afterwards.

    Raises:
        Whatever the code raises, with the page's own lines in the traceback.
    """
    names: dict[str, Any] = {"__name__": name}
    found = []
    with _folder():
        for block in _BLOCK.finditer(text):
            line = text.count("\n", 0, block.start("code"))
            first = _NEEDS.match(block["code"])
            needs = tuple(first[1].split(", ")) if first else ()
            output = io.StringIO()
            made = Block(
                block.start(),
                block.end(),
                block["code"],
                block["shown"] or "",
                "",
                needs,
            )
            if not made.missing:
                with contextlib.redirect_stdout(output):
                    exec(compile("\n" * line + block["code"], name, "exec"), names)
            found.append(made._replace(printed=output.getvalue()))
    return found


def agrees(shown: str, printed: str) -> bool:
    """Whether two outputs are the same but for decimals that lie a little apart."""
    if _DECIMAL.sub("#", shown) != _DECIMAL.sub("#", printed):
        return False
    pairs = zip(_DECIMAL.findall(shown), _DECIMAL.findall(printed), strict=True)
    return all(
        abs(float(left) - float(right)) <= _leeway(left) + 1e-9 for left, right in pairs
    )


def _leeway(shown: str) -> float:
    step = 10.0 ** -len(shown.partition(".")[2])
    return max(step, min(TOLERANCE, abs(float(shown)) / 4))


def rewritten(text: str, blocks: list[Block]) -> str:
    """The page with what the code printed."""
    for block in reversed(blocks):
        if not block.agrees:
            output = f"\n```text\n{block.printed}```\n" if block.printed else ""
            text = f"{text[: block.start]}```python\n{block.code}```\n{output}{text[block.end :]}"
    return text


def main() -> None:
    bad = 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = run(text, page.name)
        for block in blocks:
            if block.missing:
                print(
                    f"{page.name}: a block was not run, which needs {', '.join(block.missing)}"
                )
            if not block.agrees:
                bad += 1
                print(
                    f"{page.name} shows\n{block.shown}and its code prints\n{block.printed}"
                )
        if "--write" in sys.argv:
            page.write_text(rewritten(text, blocks), encoding="utf-8")
    sys.exit(bad > 0 and "--write" not in sys.argv)


if __name__ == "__main__":
    main()
