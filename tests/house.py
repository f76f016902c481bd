"""The rules of the house, each a function from a source file to its breaches."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import dwbatch

HOUSE = Path(dwbatch.__file__).parent

# From the ground up. A room imports only from floors below its own; rooms of one floor do not
# know each other. "" is dwbatch/__init__.py. `local` stands apart: see `strangers`.
FLOORS = (
    {"errors", "columns", "sentences"},
    {"limits"},
    {"options"},
    {"given"},
    {"embed_options"},
    {"prompts", "answers"},
    {"wire", "checkpoint"},
    {"engine"},
    {"typed", "arrow", "images"},
    {"conversation", "holding"},
    {"bodies"},
    {"frames", "connect", "asking", "hint", "outcome"},
    {"lineup", "asking_vectors"},
    {"call"},
    {"opening"},
    {"sending", "other_frames"},
    {"before"},
    {"job"},
    {"api", "embedding"},
    {"accessor", "parquet", "request_files", "dask", "polars"},
    {""},
    {"demo"},
    {"cli"},
    {"__main__"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

PURE = ("prompts", "answers")
# Each loads it only when asked to. The demo is nothing without it, and itself loaded only by the cli.
MAY_START_LOCAL = {"connect", "api", "cli"}
STANDS_ON_LOCAL = {"demo"}

NETWORK = {"socket", "ssl", "urllib3", "http.client", "http.server", "urllib.request", "asyncio"}
# checkpoint.lock asks for the host's name, to say who holds a lock.
MAY_USE_NETWORK = ("wire", "local", "checkpoint.lock")

DISK = {
    "shutil",
    "tempfile",
    "filelock",
    "sqlite3",
    "mmap",
    "glob",
    "pyarrow.parquet",
    "pyarrow.fs",
    "pyarrow.dataset",
}
DISK_CALLS = {
    "read_text",
    "write_text",
    "read_bytes",
    "write_bytes",
    "unlink",
    "mkdir",
    "rmdir",
    "touch",
    "iterdir",
    "rglob",
}
# The key file; the file that is sent; the temporary folder of checkpoint=False; the parquet door's
# files; the images that rows name; the demo's own folder and its corpus; the files that a command names;
# the request files of a worker.
MAY_USE_DISK = (
    "checkpoint",
    "local",
    "wire.credentials",
    "wire.upload",
    "images",
    "opening",
    "parquet",
    "demo",
    "cli",
    "request_files",
    "dask.errand",
)

FORBIDDEN = {
    "task",
    "chunk",
    "record",
    "item",
    "entry",
    "data",
    "info",
    "manager",
    "helper",
    "util",
    "process",
    "handle",
}
FORBIDDEN |= {f"{word}s" for word in FORBIDDEN} | {"entries"}
# Each with its reason: these words are the right ones there.
ALLOWED_NAMES = {
    ("local.process", "process"): "an operating system's process has no other name",
    ("local.uploads", "on_part_data"): "python-multipart calls its parser's callbacks by these names",
    ("local.uploads", "chunk"): "what python-multipart hands to a callback is no shard and no line",
    ("cli.streams", "record"): "logging calls what it hands to a handler by this name",
    ("frames", "data"): "what a caller hands over, before anybody knows whether it is a frame",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the package: its module's name without ``dwbatch.``, and what it says."""

    module: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Self:
        parts = path.relative_to(HOUSE).with_suffix("").parts
        return cls(".".join(parts).removesuffix("__init__").rstrip("."), path.read_text(encoding="utf-8"))

    @property
    def room(self) -> str:
        return self.module.partition(".")[0]

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def stands_in(self, places: tuple[str, ...]) -> bool:
        return any(self.module == place or self.module.startswith(f"{place}.") for place in places)

    def breach(self, node: ast.AST, words: str) -> str:
        return f"dwbatch/{self.module.replace('.', '/')}:{getattr(node, 'lineno', 1)} {words}"


SOURCES = [Source.read(path) for path in sorted(HOUSE.rglob("*.py"))]

Breaches = Iterator[str]


def imports(tree: ast.AST, *, is_lazy: bool = False) -> Iterator[tuple[ast.AST, str, bool]]:
    """Each imported name in full, and whether importing the module leaves it alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name, is_lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            front = f"{'.' * node.level}{node.module or ''}"
            yield from ((node, f"{front}.{alias.name}", is_lazy) for alias in node.names)
        yield from imports(node, is_lazy=is_lazy or waits(node))


def waits(node: ast.AST) -> bool:
    """Whether what stands in it does not run at import."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return False


def is_one_of(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def room_of(name: str) -> str:
    room = name.removeprefix("dwbatch").removeprefix(".").partition(".")[0]
    return room if room in FLOOR_OF else ""


def arrows_that_run_upward(source: Source) -> Breaches:
    if source.room != "local" and source.room not in FLOOR_OF:
        yield source.breach(source.tree, f"{source.room} stands on no floor; give it one in FLOORS")
        return
    for node, name, _ in imports(source.tree):
        if name.startswith("."):
            yield source.breach(node, f"imports {name} by a relative name, which hides its arrow")
        # The version is a constant of the package, not a room.
        if not is_one_of(name, {"dwbatch"}) or is_one_of(name, {"dwbatch.local", "dwbatch.__version__"}):
            continue
        room = room_of(name)
        if source.room not in {"local", room} and FLOOR_OF[room] >= FLOOR_OF[source.room]:
            yield source.breach(node, f"imports {name}, which does not stand below it")


def strangers(source: Source) -> Breaches:
    """`local` shares nothing with the rest, so that the two cannot share a fault."""
    for node, name, is_lazy in imports(source.tree):
        is_local = is_one_of(name, {"dwbatch.local"})
        if source.room == "local" and is_one_of(name, {"dwbatch"}) and not is_local:
            yield source.breach(node, f"imports {name}; the local server knows nothing of the rest")
        may = source.room in {"local", *STANDS_ON_LOCAL} or (is_lazy and source.room in MAY_START_LOCAL)
        if is_local and not may:
            yield source.breach(node, f"imports {name} where nobody asked for the local server")


def input_or_output_in_a_pure_room(source: Source) -> Breaches:
    if source.stands_in(PURE):
        yield from touches(
            source, NETWORK | DISK | {"os", "pathlib", "io", "requests", "subprocess"}, files=True
        )


def sockets_outside_wire(source: Source) -> Breaches:
    if source.stands_in(MAY_USE_NETWORK):
        return
    yield from touches(source, NETWORK, files=False)
    # Elsewhere requests may be the word Session in a signature, and nothing more.
    is_imported = any(name == "requests" for _, name, _ in imports(source.tree))
    for node in ast.walk(source.tree):
        match node:
            case ast.Attribute(value=ast.Name(id="requests"), attr=name) if is_imported and name != "Session":
                yield source.breach(node, f"uses requests.{name}")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="requests"), attr="Session")):
                yield source.breach(node, "makes a session")
            case ast.ImportFrom(module=str(module)) if is_one_of(module, {"requests"}):
                yield source.breach(node, "imports parts of requests")


def files_outside_checkpoint(source: Source) -> Breaches:
    if not source.stands_in(MAY_USE_DISK):
        yield from touches(source, DISK, files=True)


def touches(source: Source, modules: set[str], *, files: bool) -> Breaches:
    yield from (
        source.breach(node, f"imports {name}")
        for node, name, _ in imports(source.tree)
        if is_one_of(name, modules)
    )
    for node in ast.walk(source.tree) if files else ():
        match node:
            case ast.Call(func=ast.Name(id="open")):
                yield source.breach(node, "opens a file")
            case ast.Call(func=ast.Attribute(attr="open"), args=[ast.Constant(value=str()), *_]):
                yield source.breach(node, "opens a file")
            case ast.Call(func=ast.Attribute(attr=name)) if name in DISK_CALLS:
                yield source.breach(node, f"calls {name}")


def forbidden_names(source: Source) -> Breaches:
    names: list[tuple[ast.AST, str]] = [(source.tree, part) for part in source.module.split(".")]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.append((node, node.name))
        elif isinstance(node, ast.arg):
            names.append((node, node.arg))
    for node, name in names:
        # The verb is the design's own: a step does its I/O, records, returns.
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", re.sub(r"^_?record_|^_?record$", "", name))
        if (source.module, name) not in ALLOWED_NAMES and FORBIDDEN & {word.lower() for word in words}:
            yield source.breach(node, f"says {name!r}, a word that house style forbids")


def broad_excepts_without_a_reason(source: Source) -> Breaches:
    lines = source.text.splitlines()
    for node in ast.walk(source.tree):
        # Tidying up and raising again catches nothing.
        if not isinstance(node, ast.ExceptHandler) or is_bare_raise(node.body[-1]):
            continue
        named = {each.id for each in ast.walk(node.type or node) if isinstance(each, ast.Name)}
        is_broad = node.type is None or named & {"Exception", "BaseException"}
        if is_broad and not any(
            gives_a_reason(line) for line in lines[max(node.lineno - 2, 0) : node.lineno]
        ):
            yield source.breach(node, "catches everything and does not say why")


def is_bare_raise(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Raise) and statement.exc is None


def gives_a_reason(line: str) -> bool:
    comment = re.sub(r"noqa: [A-Z0-9, ]+", "", line.partition("#")[2])
    return re.search(r"\w+ \w+", comment) is not None
