"""What the reference takes from the code beside what griffe sees by itself."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import griffe

_REFERENCE = Path(__file__).parent / "reference"
_DOCTEST = re.compile(r"^(?P<indent> *)>>> .*\n?(?:^(?! *$).*\n?)*", re.MULTILINE)
_NAME = re.compile(r"(?<![`\w])`(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)`(?!`)")


class FencedDoctests(griffe.Extension):
    """Doctests stand in code blocks, wherever in a docstring they are.

    Without a fence, Markdown reads the prompt as a quotation and an array as a link.
    """

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = _DOCTEST.sub(
                lambda found: (
                    f"{found['indent']}```pycon\n{found[0].rstrip()}\n{found['indent']}```\n"
                ),
                obj.docstring.value,
            )


class LinenModules(griffe.Extension):
    """A linen module is a dataclass without a decorator that says so; its fields and defaults are its signature."""

    def on_class_instance(self, *, cls: griffe.Class, **_: Any) -> None:
        if any(str(base) == "nn.Module" for base in cls.bases):
            made_by_flax = griffe.ExprName("dataclasses.dataclass")
            cls.decorators.append(
                griffe.Decorator(made_by_flax, lineno=None, endlineno=None)
            )


@cache
def _shown() -> dict[str, str]:
    """`package.name` → the path under which the reference shows it."""
    paths = [
        path
        for page in _REFERENCE.glob("*.md")
        for path in re.findall(r"^::: (\S+)$", page.read_text(), re.M)
    ]
    return {".".join(path.split(".")[1:3]): path for path in paths}


class LinkedNames(griffe.Extension):
    """A public name in a docstring, `fit` in its own package or `training.fit` anywhere, links to where it is shown."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if not obj.docstring or not obj.path.startswith("jaxmusic."):
            return
        package = obj.path.split(".")[1]
        # An argument's or attribute's name is that before it is anyone else's.
        own = {
            obj.name,
            *obj.members,
            *(parameter.name for parameter in getattr(obj, "parameters", ())),
        }
        if obj.parent is not None and obj.parent.is_class:
            own |= {obj.parent.name, *obj.parent.members}

        def linked(found: re.Match[str]) -> str:
            name = found["name"]
            path = (
                None
                if name in own
                else _shown().get(name if "." in name else f"{package}.{name}")
            )
            return f"[`{name}`][{path}]" if path else found[0]

        obj.docstring.value = _NAME.sub(linked, obj.docstring.value)
