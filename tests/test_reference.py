"""The reference names every public name, docstrings hold to signatures, and the site builds without a warning."""

import ast
import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "app", "audio", "augment", "data", "evaluation", "figures", "losses", "models", "recommend", "report", "text",
    "training",
)  # fmt: skip
# The app's contract is its command line; its functions are few and named above.
CONTRACTS = tuple(package for package in PACKAGES if package != "app")


def _assigned(tree):
    """Names a module assigns at its top, with the string behind each (a constant's docstring) or None."""
    found = {}
    for node, behind in zip(tree.body, [*tree.body[1:], None], strict=True):
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        text = isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant) and behind.value.value
        found |= {target.id: text or None for target in targets if isinstance(target, ast.Name)}
    return found


def _public(package):
    """Names in a package's `__all__`; of a package that is one file without one, what that file itself defines."""
    module = importlib.import_module(f"jaxmusic.{package}")
    if hasattr(module, "__all__"):
        return list(module.__all__)
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [name for name in [*defined, *_assigned(tree)] if not name.startswith("_")]


def _shown(package):
    """Names the package's page shows."""
    page = (ROOT / "docs" / "reference" / f"{package}.md").read_text(encoding="utf-8")
    return re.findall(rf"^::: jaxmusic\.{package}\.(\S+)$", page, re.MULTILINE)


def _constant_docstring(package, name):
    folder = ROOT / "jaxmusic"
    files = (folder / package).rglob("*.py") if (folder / package).is_dir() else [folder / f"{package}.py"]
    texts = [_assigned(ast.parse(file.read_text(encoding="utf-8"))).get(name) for file in files]
    return next((text for text in texts if text), None)


def _sentence(package, name):
    """What the package's page itself says of a name."""
    found = re.search(
        rf"`{name}` (is|are) [^.]+", (ROOT / "docs" / "reference" / f"{package}.md").read_text(encoding="utf-8")
    )
    return found and found[0]


def _objects(package):
    module = importlib.import_module(f"jaxmusic.{package}")
    return [(name, getattr(module, name)) for name in _public(package)]


def _functions(package):
    """Public functions of a package, its public classes' public methods, and the functions of modules it exports."""
    for name, value in _objects(package):
        inside = [(name, value)]
        if isinstance(value, types.ModuleType):
            own = [k for k, v in vars(value).items() if getattr(v, "__module__", None) == value.__name__]
            inside = [(f"{name}.{k}", getattr(value, k)) for k in own]
        for path, found in inside:
            if path.split(".")[-1].startswith("_"):
                continue
            if not inspect.isclass(found):
                if inspect.isroutine(found) or hasattr(found, "__wrapped__"):
                    yield path, found
                continue
            for method, function in vars(found).items():
                if inspect.isfunction(function) and not method.startswith("_") and method != "setup":
                    yield f"{path}.{method}", function


def _section(docstring, title):
    found = re.search(rf"^{title}:\n((?:(?: .*)?\n?)*)", docstring, re.MULTILINE)
    return found and found[1]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference_once(package):
    shown = _shown(package)
    is_folder = (ROOT / "jaxmusic" / package).is_dir()
    modules = {name for name in shown if is_folder and importlib.util.find_spec(f"jaxmusic.{package}.{name}")}
    assert len(shown) == len(set(shown)) > 0
    assert set(_public(package)) - set(shown) == set(), "public, but not in docs/reference"
    assert set(shown) - set(_public(package)) - modules == set(), "in docs/reference, but not public"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_a_summary_line(package):
    assert (importlib.import_module(f"jaxmusic.{package}").__doc__ or "").strip()
    for name, value in _objects(package):
        # A constant's own __doc__ is its type's; a NamedTuple's or dataclass's without one is its signature.
        constant = isinstance(value, str | int | tuple) or name in ("Schedule", "LossFunction", "Transform")
        text = (_constant_docstring(package, name) or _sentence(package, name)) if constant else inspect.getdoc(value)
        first = (text or "").strip().split("\n")[0]
        assert len(first) > 8, f"{package}.{name} has no summary line"
        assert not first.startswith(f"{name}("), f"{package}.{name} has no summary line of its own"


@pytest.mark.parametrize("package", PACKAGES)
def test_args_hold_to_the_signature(package):
    compared = 0
    for path, function in _functions(package):
        section = _section(inspect.getdoc(function) or "", "Args")
        if section is None:
            continue
        parameters = set(inspect.signature(function).parameters) - {"self"}
        # One row may name several: "fmin, fmax: see `filters.mel`."
        rows = re.findall(r"^ {4}(\*{0,2}\w+(?:, \*{0,2}\w+)*):", section, re.MULTILINE)
        named = {name.strip("*") for row in rows for name in row.split(", ")}
        assert named == parameters, f"jaxmusic.{package}.{path}: Args {sorted(named ^ parameters)}"
        compared += 1
    assert compared > 0 or not list(_functions(package))


@pytest.mark.parametrize("package", CONTRACTS)
def test_a_public_function_says_what_it_takes_gives_and_refuses(package):
    """Methods may do with a line where their annotations say the shapes."""
    for path, function in _functions(package):
        if inspect.isclass(getattr(importlib.import_module(f"jaxmusic.{package}"), path.split(".")[0])):
            continue
        text, signature = inspect.getdoc(function) or "", inspect.signature(function)
        assert not signature.parameters or _section(text, "Args"), f"jaxmusic.{package}.{path} has no Args"
        gives_nothing = signature.return_annotation in (None, "None")
        assert gives_nothing or _section(text, "Returns"), f"jaxmusic.{package}.{path} has no Returns"
        raises = re.search(r"^\s*raise \w+\(", inspect.getsource(inspect.unwrap(function)), re.MULTILINE)
        assert not raises or _section(text, "Raises"), f"jaxmusic.{package}.{path} raises and does not say what"


@pytest.mark.parametrize("package", CONTRACTS)
def test_every_field_of_a_public_class_is_described(package):
    for name, value in _objects(package):
        if not inspect.isclass(value):
            continue
        fields = getattr(value, "_fields", None) or getattr(value, "__dataclass_fields__", ())
        section = _section(inspect.getdoc(value) or "", "Attributes") or ""
        rows = re.findall(r"^ {4}(\w+(?:, \w+)*):", section, re.MULTILINE)
        named = {field for row in rows for field in row.split(", ")}
        # flax gives every module these two.
        assert set(fields) - named - {"parent", "name"} == set(), f"jaxmusic.{package}.{name}"
        assert not fields or named <= set(fields) | set(dir(value)), f"jaxmusic.{package}.{name}"


def test_the_site_builds_without_a_warning(tmp_path):
    packages = ("mkdocs", "material", "mkdocstrings_handlers")
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: pip install -e '.[docs]'")
    site = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for package in PACKAGES:
        html = (site / "reference" / f"{package}.html").read_text(encoding="utf-8")
        absent = [name for name in _shown(package) if not re.search(rf'id="jaxmusic\.{package}(\.\w+)*\.{name}"', html)]
        assert not absent, (package, absent)
        assert ">>> " not in re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL), "a doctest outside a code block"
    # Names in docstrings link to where they are shown, in their own package and in others.
    html = (site / "reference" / "losses.html").read_text(encoding="utf-8")
    assert 'href="#jaxmusic.losses.squared_error"><code>squared_error</code>' in html
    assert 'href="training.html#jaxmusic.training.fit_grid"' in html
    # What pages link to outside docs/ comes along, pictures included.
    assert (site / "reproductions/results/joint_vae/clips_en_de/umap_language.png").is_file()
    assert 'href="joint_vae.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert 'href="../benchmarks/RESULTS.html"' not in (site / "scaling.html").read_text(encoding="utf-8")
