"""Names of a package that are imported when they are first used."""

TYPE_CHECKING = False  # type checkers know the name; importing typing would cost milliseconds
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def import_lazily(package: str) -> bool:
    """Give a package the names that its ``TYPE_CHECKING`` block imports, and ``__all__``.

    Each name is imported when it is first used. The block is read from the package's source, so
    that the names stand once, where type checkers and editors read them::

        if TYPE_CHECKING or not import_lazily(__name__):
            from package.module import Name as Name

    Args:
        package: Name of the package, which is being imported.

    Returns:
        Whether the source can be read. If not, such as in an application that ships only compiled
        modules, the package imports all names at once.
    """
    import sys

    module = sys.modules[package]
    source = _source(module)
    if source is None:
        return False
    homes: dict[str, str] = {}

    def names() -> dict[str, str]:
        if not homes:
            homes.update(_imports(source))
        return homes

    def get(name: str) -> "Any":
        if name == "__all__":
            return sorted(names())
        if name not in names():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(names()[name]), name)
        setattr(module, name, value)
        return value

    def offered() -> list[str]:
        return sorted({*names(), *(name for name in vars(module) if name.startswith("_"))})

    vars(module).update(__getattr__=get, __dir__=offered)
    return True


def _source(module: "ModuleType") -> bytes | None:
    """Return a module's source, also from a zip file, or None if there is none."""
    path = module.__file__ or ""
    read = getattr(module.__loader__, "get_data", None)
    if read is None or not path.endswith(".py"):
        return None
    try:
        source: bytes = read(path)
    except OSError:
        return None
    return source


def _imports(source: bytes) -> dict[str, str]:
    """Return the module of each name that the first ``if`` block of a source imports."""
    from _ast import If, ImportFrom, Module, PyCF_ONLY_AST  # `ast` imports much more

    module = compile(source, "__init__.py", "exec", PyCF_ONLY_AST)
    assert isinstance(module, Module)
    block = next(node for node in module.body if isinstance(node, If))
    return {
        alias.name: statement.module
        for statement in block.body
        if isinstance(statement, ImportFrom) and statement.module
        for alias in statement.names
    }
