"""Structure: imports go one way, importing is light, the built wheel runs outside the checkout."""

import ast
import graphlib
import importlib
import pkgutil
import re
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pytest

import jaxmusic

ROOT = Path(__file__).parent.parent
# A package may import those before it and its own; packages in one set don't import each other.
ORDER = (
    {"_files", "_arrays", "_programs", "_interrupts", "_locks"},
    {"audio", "text"},
    {"data"},
    {"models", "losses", "augment"},
    {"training", "evaluation", "_item_scores"},
    {"recommend", "figures"},
    {"report"},
    {"app"},
)
LEVEL = {package: level for level, packages in enumerate(ORDER) for package in packages}


def _package(path: Path) -> str:
    return path.relative_to(ROOT / "jaxmusic").parts[0].removesuffix(".py")


def _imported_packages(path: Path) -> set[str]:
    packages = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        packages |= {name.split(".")[1] for name in names if name.startswith("jaxmusic.") and name.count(".") >= 1}
    return packages


def test_imports_go_one_way():
    files = [path for path in (ROOT / "jaxmusic").rglob("*.py") if path.parent.name != "jaxmusic" or path.stem in LEVEL]
    assert len(files) > 20
    wrong = [
        f"{path.relative_to(ROOT)} imports {package}"
        for path in files
        for package in _imported_packages(path)
        if package in LEVEL and package != _package(path) and LEVEL[package] >= LEVEL[_package(path)]
    ]
    assert not wrong, wrong


def test_every_package_has_a_place_in_the_order():
    packages = {_package(path) for path in (ROOT / "jaxmusic").rglob("*.py")} - {"__init__", "__main__"}
    assert packages == set(LEVEL)


def test_no_public_name_hides_a_submodule_of_its_package():
    packages = [module.name for module in pkgutil.walk_packages(jaxmusic.__path__, "jaxmusic.") if module.ispkg]
    assert len(packages) > 10
    hidden = []
    for package in map(importlib.import_module, packages):
        for module in pkgutil.iter_modules(package.__path__):
            value = getattr(package, module.name, None)
            if value is not None and not isinstance(value, types.ModuleType):
                hidden.append(f"{package.__name__}.{module.name}")
    assert not hidden, hidden


def _modules_by_path() -> dict[str, Path]:
    """Module → file, under each name by which other files of the repository import it."""
    files = [path for top in ("jaxmusic", "benchmarks", "docs") for path in (ROOT / top).rglob("*.py")]
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files}
    for path in (ROOT / "reproductions").rglob("*.py"):
        named[".".join(path.relative_to(ROOT / "reproductions").with_suffix("").parts)] = path
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


def test_private_names_stay_in_their_module():
    modules = _modules_by_path()
    wrong = []
    for path in [*modules.values(), *(ROOT / "tests").rglob("*.py")]:
        tree = ast.parse(path.read_text())
        local = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                for alias in node.names:
                    target = f"{node.module}.{alias.name}"
                    local[alias.asname or alias.name] = target
                    if re.match(r"_[^_]", alias.name) and target not in modules:
                        wrong.append(f"{path.relative_to(ROOT)} imports {target}")
            elif isinstance(node, ast.Import):
                local |= {alias.asname: alias.name for alias in node.names if alias.asname}
        for node in ast.walk(tree):
            is_private = isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr)
            if is_private and isinstance(node.value, ast.Name) and local.get(node.value.id) in modules:
                wrong.append(f"{path.relative_to(ROOT)} uses {local[node.value.id]}.{node.attr}")
    assert len(modules) > 200
    assert not wrong, wrong


# A document's file may import those before it, and those of other documents below its own place.
DOCUMENT_ORDER = (
    "variants", "config", "features", "views", "cca", "pipeline", "modules", "references", "listening", "factors",
    "lists", "scores", "experiments", "comparisons", "cluster_rows", "rows", "figures", "notes", "outputs",
)  # fmt: skip


def _reproduction_imports() -> dict[str, set[str]]:
    """Module of `reproductions/` → those of them that it imports, wherever the import stands."""
    folder = ROOT / "reproductions"
    paths = {".".join(path.relative_to(folder).with_suffix("").parts): path for path in folder.rglob("*.py")}
    graph = {}
    for name, path in paths.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        graph[name] = {module for module in found if module in paths}
    return graph


def test_reproductions_import_one_way_without_a_circle():
    graph = _reproduction_imports()
    assert len(graph) > 20
    # Raises CycleError, which names the circle.
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) >= len(graph)
    scripts = {name for name in graph if "." not in name} - {"runs", "records"}
    place = {name: i for i, name in enumerate(DOCUMENT_ORDER)}
    wrong = []
    for name, imported in graph.items():
        own, _, file = name.rpartition(".")
        for other in imported:
            package, _, target = other.rpartition(".")
            if name.startswith("documents") and other in scripts:
                wrong.append(f"{name} imports the script {other}")
            is_later = package == own and place.get(target, -1) >= place.get(file, len(place))
            if is_later or (name in ("runs", "records") and package):
                wrong.append(f"{name} imports {other}")
    assert not wrong, wrong


def test_importing_the_package_is_quick_and_loads_nothing_heavy():
    code = """
import sys, time
start = time.perf_counter()
import jaxmusic
seconds = time.perf_counter() - start
heavy = {"jax", "librosa", "numpy", "sklearn", "pandas", "matplotlib", "umap", "soundfile"} & set(sys.modules)
assert not heavy, heavy
assert seconds < 0.3, seconds
assert jaxmusic.models.FCVAE().latent_dim == 32
from jaxmusic import models, audio
assert "librosa" not in sys.modules
assert "umap" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_sets_no_jax_option():
    code = """
import jax
names = [name for name in jax.config.values if hasattr(jax.config, name)]
before = {name: getattr(jax.config, name) for name in names}
from jaxmusic import app, audio, augment, data, evaluation, figures, losses, models, report, text, training
assert len(names) > 20
assert before == {name: getattr(jax.config, name) for name in names}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # hatchling is in the environment of whoever builds; without it pip would fetch one, and tests need no network.
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_imports_and_runs_outside_the_checkout(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    page = {f"jaxmusic/app/page/{name}" for name in ("page.html", "page.css", "script/start.js")}
    assert {"jaxmusic/py.typed", "jaxmusic/report/page.css", *page} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "reproductions", "benchmarks"))]
    code = """
import sys
sys.path.insert(0, "site")
import jaxmusic, jax
assert jaxmusic.__file__.startswith(sys.argv[1]), jaxmusic.__file__
mel = jaxmusic.audio.melspectrogram(jax.numpy.ones(4096), n_mels=16)
output, _ = jaxmusic.models.ConvVAE(16, 9, 4).init_with_output(
    {"params": jax.random.key(0), "latent": jax.random.key(1)}, mel[None])
assert output.recon.shape == (1, 16, 9)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
