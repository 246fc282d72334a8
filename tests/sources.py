"""The product's source files, and what each imports."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def source_files() -> list[Path]:
    """Every Python file of the product: the app, its page, the pipelines."""
    return [ROOT / "app.py", *sorted((ROOT / "ui").rglob("*.py")), *sorted((ROOT / "pipelines").rglob("*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imported(path: Path) -> frozenset[str]:
    """Full names of all that a file imports, inside functions too; ``from a import b`` counts as ``a`` and ``a.b``."""
    names: set[str] = set()
    package = module_name(path).split(".")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                kept = package if path.name == "__init__.py" else package[:-1]
                base = ".".join([*kept[: len(kept) - node.level + 1], *([node.module] if node.module else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return frozenset(names)


def imports_of_ours() -> dict[str, frozenset[str]]:
    """Module -> the modules of ours that it imports, resolved to files that exist."""
    ours = {module_name(path) for path in source_files()}
    return {module_name(path): imported(path) & (ours - {module_name(path)}) for path in source_files()}
