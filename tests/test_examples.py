"""The examples of the site run and print what their pages show."""

import re

import pytest

import jaxmusic
from docs import page_examples

GUIDES = ("fusion_recommender", "scaling", "your_own_music")
OUTPUTS = {
    "clusters": 3, "genre": 3, "missing_modality": 5, "modalities": 3, "recommendations": 4, "retrieval": 5,
    "saving": 5,
}  # fmt: skip


def test_every_example_is_known_and_in_the_index():
    examples = page_examples.ROOT / "docs" / "examples"
    index = examples.joinpath("index.md").read_text(encoding="utf-8")
    names = {page.stem for page in page_examples.PAGES} - {"index"}
    assert names == set(OUTPUTS)
    assert all(f"]({page.name})" in index for page in examples.glob("*.md") if page.stem != "index")


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_example_prints_what_its_page_shows(name):
    if name == "saving":
        pytest.importorskip("flatbuffers", reason="flatbuffers is not installed: pip install -e '.[export]'")
    text = next(page for page in page_examples.PAGES if page.stem == name).read_text(encoding="utf-8")
    blocks = page_examples.run(text, name)
    for block in blocks:
        assert page_examples.agrees(block.shown, block.printed), f"shown:\n{block.shown}\nprinted:\n{block.printed}"
    assert sum(bool(block.shown) for block in blocks) == OUTPUTS[name]
    # Every block of the page was read as one, and every output belongs to one.
    assert text.count("```python\n") == len(blocks)
    assert text.count("```text\n") == OUTPUTS[name]


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{name}.md" for name in GUIDES)])
def test_what_code_of_other_pages_names_is_there(page):
    text = (page_examples.ROOT / page).read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    named = set(re.findall(rf"\b({'|'.join(jaxmusic._ROOMS)})\.(\w+)\(", code))
    assert named
    absent = [f"{room}.{name}" for room, name in sorted(named) if not hasattr(getattr(jaxmusic, room), name)]
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
