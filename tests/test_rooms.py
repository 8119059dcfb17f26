"""The five rooms depend on each other in one direction only (CONTRIBUTING.md shows the picture)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("posepile", "affine_combining", "training", "evaluation", "serving", "dozens")
MAY_IMPORT = {
    "posepile": set(),
    "affine_combining": {"posepile"},
    "training": {"posepile", "affine_combining"},
    "evaluation": {"posepile"},
    "serving": {"posepile", "affine_combining", "training", "evaluation"},
    "dozens": {"posepile", "affine_combining", "training", "evaluation", "serving"},
}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_lies_below_it(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files, f"{room} has no files"
    forbidden = set(ROOMS) - MAY_IMPORT[room] - {room}
    found = {(path, name) for path in files for name in imported_packages(path) if name in forbidden}
    assert not found, f"arrows that point back: {sorted((str(p.relative_to(ROOT)), n) for p, n in found)}"


def test_the_check_sees_every_form_of_import(tmp_path):
    file = tmp_path / "example.py"
    file.write_text(
        "import a.b\ndef f():\n    from c.d import e\nimport importlib\nimportlib.import_module('g.h')\n"
    )
    assert {"a", "c", "g"} <= imported_packages(file)


def imported_packages(path: Path) -> set[str]:
    """Top-level packages that a file imports anywhere, also inside functions and by importlib."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            found |= {a.value.split(".")[0] for a in node.args if isinstance(a, ast.Constant)}
    return found
