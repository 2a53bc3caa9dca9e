"""The rooms of the engine import downwards only, as the contract in pyproject.toml says (docs/architecture.md)."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]


def test_rooms_import_downwards_and_nothing_else():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    checked = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert checked.returncode == 0, checked.stdout
    assert "2 kept, 0 broken" in checked.stdout


def test_at_most_twenty_rooms():
    rooms = [path for path in (ROOT / "psylm").iterdir() if path.is_dir() and (path / "__init__.py").is_file()]
    loose = [path.name for path in (ROOT / "psylm").glob("*.py") if path.stem not in ("__init__", "__main__")]
    assert len(rooms) <= 20 and not loose


def test_nothing_of_psylm_is_imported_by_a_name_that_python_computes():
    """`importlib` would go past the contract: it is used where names come from a registry or a package's doors only."""
    users = {
        path.relative_to(ROOT / "psylm").as_posix()
        for path in (ROOT / "psylm").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "import_module"
    }
    assert users <= {"common/lazy.py", "common/registry.py"}


def test_no_modules_import_each_other_in_a_circle():
    """Imports for types alone, which are not run, aside."""
    graph = grimp.build_graph("psylm", cache_dir=None, exclude_type_checking_imports=True)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    while leaves := {module for module, others in imports.items() if not others & imports.keys()}:
        imports = {module: others for module, others in imports.items() if module not in leaves}
    assert not imports, sorted(imports)
