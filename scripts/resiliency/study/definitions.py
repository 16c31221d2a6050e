"""The definitions of a module, and what each of them uses: the parts of a fingerprint.

A definition is a function, a class or a constant. All is taken from the parsed syntax, without
comments, docstrings and layout. A module of which the parser cannot tell what uses what is a single
definition: if it runs more than definitions when it is imported, such as a loop or a decorator that
registers, or finds code by names that are not in its text.
"""

import ast
import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.util import cache_from_source, resolve_name
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = "resiliency"  # the package whose modules are divided into definitions
FIELD = "Field"  # of pydantic; the description of a key is documentation, like a docstring
UNFOLLOWED = "unfollowed:"  # prefix of a function that runs code which cannot be followed
# Functions that import a module by its name.
IMPORTING = ("importlib.import_module", "__import__", "runpy.run_module")
RUNNING = {"runpy.run_path", "exec", "torch.hub.load", "importlib.machinery.SourceFileLoader"}
RUNNING |= {"importlib.util.spec_from_file_location"}
CALLS = {*IMPORTING, *RUNNING}
# Names that find code by other names than those in the text; attributes begin with a dot.
DYNAMIC = {
    "builtins",
    "dir()",
    "eval",
    "exec",
    "globals",
    "inspect.getmodule",
    "locals",
    "sys.modules",
    "vars()",
}
DYNAMIC |= {".__builtins__", ".__globals__", ".f_globals", ".f_locals"}
# Methods that notify a class of its subclasses, and packages whose classes have none.
HOOKS = {"__init_subclass__", "__pydantic_init_subclass__", "__subclasses__", "metaclass"}
QUIET = {
    PACKAGE,
    "builtins",
    "collections",
    "enum",
    "importlib",
    "pydantic",
    "pymoo",
    "torch",
    "torchvision",
    "types",
}
QUIET |= {"typing"}
# Functions without an effect beside their result, as decorators or called while a module is
# imported.
HARMLESS = {
    "bool",
    "classmethod",
    "dict",
    "dict.fromkeys",
    "float",
    "frozenset",
    "int",
    "isinstance",
    "len",
    "list",
}
HARMLESS |= {
    "property",
    "range",
    "round",
    "set",
    "slice",
    "staticmethod",
    "str",
    "tuple",
    "zip",
    "typing.get_args",
}
HARMLESS |= {
    "contextlib.contextmanager",
    "dataclasses.dataclass",
    "dataclasses.field",
    "functools.cache",
    "re.compile",
}
HARMLESS |= {
    "functools.cached_property",
    "functools.lru_cache",
    "functools.partial",
    "numpy.arange",
}
HARMLESS |= {
    "numpy.array",
    "numpy.float32",
    "pandas.DataFrame",
    "pathlib.Path",
    "pathlib.PurePath",
    "torch.no_grad",
}
HARMLESS |= {
    "pydantic.BeforeValidator",
    "pydantic.ConfigDict",
    "pydantic.Field",
    "pydantic.WithJsonSchema",
}
HARMLESS |= {"pydantic.field_validator", "pydantic.model_validator", "types.MappingProxyType"}
HARMLESS |= {f"{PACKAGE}.base.machine.compiled", "numba.extending.intrinsic"}

NAME = re.compile(r"[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)*")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINED = (*FUNCTIONS, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
ASSIGNED = (ast.Assign, ast.AnnAssign, ast.AugAssign)
# Values without another name: `X += [1]` changes the value of `X` alone.
NEW = (
    *(ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp),
    *(ast.Constant, ast.BinOp, ast.Call),
)


class Definition(NamedTuple):
    """One definition: a hash of its syntax, and the full names that it uses, and that it imports
    when it runs.

    Attributes:
        runs: whether it may have an effect when its module is imported, so that it always counts.
    """

    digest: str
    uses: list[str]
    imports: list[str]
    runs: bool


class Module(NamedTuple):
    """Content of a module.

    Attributes:
        names: name -> position of the definition that binds it.
        aliases: name -> full names of the imports that it refers to.
        imports: full names of what is imported with the module, in order.
        hooks: whether a class may be notified of its subclasses, wherever they are.
    """

    definitions: list[Definition]
    names: dict[str, int]
    aliases: dict[str, list[str]]
    imports: list[str]
    hooks: bool


class _Scope(NamedTuple):
    """The meaning of names in a module or a part of it: own names, full names of imports, and of
    own records."""

    module: str
    package: str
    own: set[str]
    aliases: dict[str, list[str]]
    records: set[str]

    def full(self, text: str) -> list[str]:
        """The full names that a dotted name may refer to; itself if it is neither imported nor
        defined here."""
        root, dot, rest = text.partition(".")
        own = [f"{self.module}.{root}"] if root in self.own else []
        return own + [name + dot + rest for name in self.aliases.get(root, [])] or [text]

    def within(self, imports: Sequence[ast.AST]) -> "_Scope":
        """The scope of a part that imports more."""
        aliases = (
            {name: [*names] for name, names in self.aliases.items()} if imports else self.aliases
        )
        for name, full, _ in _imported(imports, self.package):
            aliases.setdefault(name, []).append(full)
        return self._replace(aliases=aliases)


class _Part:
    """Statements of a module, and the nodes in them by their types."""

    def __init__(self, statements: Sequence[ast.AST], scope: _Scope):
        self.statements = statements
        self.nodes: dict[type, list[Any]] = defaultdict(list)
        for node in chain.from_iterable(map(ast.walk, statements)):
            self.nodes[type(node)].append(node)
        self.imports = self.nodes[ast.Import] + self.nodes[ast.ImportFrom]
        self.outer, self.scope = scope, scope.within(self.imports)

    def names(self) -> list[str]:
        """Dotted names in the text."""
        attributes = self.nodes[ast.Attribute]
        inner = {id(node.value) for node in attributes}
        return [
            _dotted(node) for node in self.nodes[ast.Name] + attributes if id(node) not in inner
        ]

    def named_in_strings(self) -> list[str]:
        """Dotted names in strings: those that are a name, and those that denote a type."""
        annotated = self.nodes[ast.arg] + self.nodes[ast.AnnAssign]
        types = [node.annotation for node in annotated if node.annotation]
        types += [node.returns for kind in FUNCTIONS for node in self.nodes[kind] if node.returns]
        names = [
            name for one in types for text in _texts(ast.walk(one)) for name in NAME.findall(text)
        ]
        names += [
            text.replace(":", ".")
            for text in _texts(self.nodes[ast.Constant])
            if NAME.fullmatch(text)
        ]
        return [name for name in names if name != PACKAGE]  # a word, not the name of code

    def definition(self, runs: bool) -> Definition:
        """The part as a definition."""
        imports = [full for _, _, full in _imported(self.imports, self.scope.package)]
        names = dict.fromkeys(self.names() + self.named_in_strings())
        uses = [
            full
            for name in names
            for full in self.scope.full(name)
            if f"{full}.".startswith(f"{PACKAGE}.")
        ]
        for name in self.run_by_calls():
            (uses if name.startswith(UNFOLLOWED) else imports).append(name)
        roots = sorted({name.partition(".")[0] for name in names} & self.outer.aliases.keys())
        meanings = [f"{root}={full}" for root in roots for full in self.outer.aliases[root]]
        text = "\n".join([*map(_tree_text, self.statements), *meanings])
        return Definition(
            _digest(text.encode()), [*dict.fromkeys(uses)], [*dict.fromkeys(imports)], runs
        )

    def run_by_calls(self) -> list[str]:
        """Names of what calls import, load or run."""
        return [name for call in self.nodes[ast.Call] for name in _run_by_call(call, self.scope)]

    def hears_of_subclasses(self) -> bool:
        """Whether a class may have an effect when another is derived from it."""
        words = {node.name for kind in FUNCTIONS for node in self.nodes[kind]}
        words |= {node.attr for node in self.nodes[ast.Attribute]} | {
            node.arg for node in self.nodes[ast.keyword]
        }
        bases = [base for node in self.nodes[ast.ClassDef] for base in node.bases]
        texts = [
            _dotted(base.value if isinstance(base, ast.Subscript) else base) or "?."
            for base in bases
        ]
        full = [
            name if "." in name else f"builtins.{name}"
            for text in texts
            for name in self.scope.full(text)
        ]
        quiet = {*QUIET, self.scope.module.partition(".")[0]}
        return bool(HOOKS & words) or not {name.partition(".")[0] for name in full} <= quiet

    def is_dynamic(self) -> bool:
        """Whether it finds code by names that are not in its text."""
        names = [full.split(".") for name in {*self.names()} for full in self.scope.full(name)]
        found = {".".join(parts[:number]) for parts in names for number in (1, 2)}
        found |= {f"{_dotted(call.func)}()" for call in self.nodes[ast.Call] if not call.args}
        found |= {f".{node.attr}" for node in self.nodes[ast.Attribute]}
        found |= {f".{text}" for text in _texts(self.nodes[ast.Constant])}
        unfollowed = any(name.startswith(UNFOLLOWED) for name in self.run_by_calls())
        return bool(DYNAMIC & found) or unfollowed or "*" in self.scope.aliases


OWN_SOURCE = Path(__file__).read_bytes()
# Path of a module -> its source in place of the present one, as it was imported.
SOURCES: dict[str, bytes] = {}


def module_at(path: Path, name: str) -> Module:
    """The content of the module at a path, with this full name.

    It is kept beside the byte code, because to parse all modules takes almost half of a dry run. A
    module that cannot be parsed counts with every byte.
    """
    source = SOURCES[str(path)] if str(path) in SOURCES else path.read_bytes()
    key = b"\0".join([OWN_SOURCE, name.encode(), source])
    content = kept(
        path,
        ".names",
        key,
        lambda: json.dumps(_parsed(source, name, path.stem == "__init__")).encode(),
    )
    definitions, *others = json.loads(content)
    return Module([Definition(*one) for one in definitions], *others)


def kept(module: str | Path, suffix: str, key: bytes, make: Callable[[], bytes]) -> bytes:
    """The result of the last call of `make` for this key, or of a call now.

    A hash in the file shows whether the content is whole and of this key. Where nothing can be
    written, it is made each time.

    Args:
        module: path of the module's source.
        suffix: suffix of the file, which is named as the module's byte code.
        key: all that determines the content.
    """
    path = Path(cache_from_source(str(module))).with_suffix(suffix)
    with suppress(OSError, ValueError):
        digest, content = path.read_bytes().split(b"\n", 1)
        if digest == _digest(b"\0".join([key, content])).encode():
            return content
    content = make()
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        try:
            temporary.write_bytes(
                b"\n".join([_digest(b"\0".join([key, content])).encode(), content])
            )
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return content


def _parsed(source: bytes, name: str, is_package: bool) -> Module:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return Module([Definition(_digest(source), [], [], True)], {}, {}, [], False)
    own = {
        one
        for statement in tree.body
        if not isinstance(statement, IMPORTS)
        for one in _bound(statement)
    }
    records = {
        f"{name}.{one.name}"
        for one in tree.body
        if isinstance(one, ast.ClassDef) and _is_record(one)
    }
    whole = _Part(
        [tree], _Scope(name, name if is_package else name.rpartition(".")[0], own, {}, records)
    )
    dynamic, hooks = whole.is_dynamic(), whole.hears_of_subclasses()
    if name.partition(".")[0] == PACKAGE and not dynamic and not _registers(tree.body, whole.scope):
        return _divided(tree.body, whole.outer, hooks)
    definition = whole.definition(runs=True)
    definition.uses.extend(
        full for names in whole.scope.aliases.values() for full in names if dynamic
    )
    names = [node.id for node in whole.nodes[ast.Name] if isinstance(node.ctx, ast.Store)]
    names += [node.name for kind in DEFINED for node in whole.nodes[kind]]
    return Module(
        [definition], dict.fromkeys(names, 0), whole.scope.aliases, definition.imports, hooks
    )


def _divided(body: list[ast.stmt], scope: _Scope, hooks: bool) -> Module:
    """The definitions of a module. Statements between two that bind the same name belong to one
    definition."""
    imports = [statement for statement in body if isinstance(statement, IMPORTS)]
    scope = scope.within(imports)
    module = Module(
        [], {}, scope.aliases, [full for _, _, full in _imported(imports, scope.package)], hooks
    )
    bound = [_bound(statement) for statement in body]
    last = {name: number for number, names in enumerate(bound) for name in names}
    together, end = [], 0
    for number, statement in enumerate(body):
        together.append(statement)
        end = max([end, *(last[name] for name in bound[number])])
        if number < end:
            continue
        if not all(isinstance(one, IMPORTS) for one in together):
            names = [name for one in together for name in _bound(one)]
            module.names.update(dict.fromkeys(names, len(module.definitions)))
            runs = any(_runs(one, scope) for one in together)
            module.definitions.append(_Part(together, scope).definition(runs))
        together = []
    return module


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]


def _texts(nodes: Iterable[ast.AST]) -> list[str]:
    """The strings among nodes."""
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _bound(node: ast.AST) -> list[str]:
    """The names that a statement of a module binds."""
    if isinstance(node, IMPORTS):
        return [name for name, _, _ in _imported([node], "")]
    if isinstance(node, DEFINED):
        return [node.name]
    targets = [*getattr(node, "targets", []), *filter(None, [getattr(node, "target", None)])]
    targets += [one.target for one in ast.walk(node) if isinstance(one, ast.NamedExpr)]
    return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]


def _imported(nodes: Iterable[ast.AST], package: str) -> Iterator[tuple[str, str, str]]:
    """For each import, in a module of a package: the name that it binds, to what, and what is
    imported; full names."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.asname or alias.name.partition(".")[0]
                yield root, alias.name if alias.asname else root, alias.name
        elif isinstance(node, ast.ImportFrom):
            parents = (
                package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            )
            module = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                full = module if alias.name == "*" else f"{module}.{alias.name}"
                yield alias.asname or alias.name, full, full


def _dotted(node: ast.AST) -> str:
    """The text of a name, or of attributes of a name; empty for other expressions."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (value := _dotted(node.value)):
        return f"{value}.{node.attr}"
    return ""


def _registers(body: list[ast.stmt], scope: _Scope) -> bool:
    """Whether statements of a module do more than bind names: change other values, or hand on what
    they define."""
    plain = [one for one in body if isinstance(one, ast.Assign | ast.AnnAssign)]
    new = {
        name
        for one in plain
        if isinstance(one.value, NEW) and len(names := _bound(one)) == 1
        for name in names
    }
    new -= {
        name
        for one in plain
        if not isinstance(one.value, NEW) or len(_bound(one)) > 1
        for name in _bound(one)
    }
    changed = {name for one in body if isinstance(one, ast.AugAssign) for name in _bound(one)}
    decorated = [one for one in body if isinstance(one, DEFINED)]
    handed_on = any(not _is_harmless(of, scope) for one in decorated for of in one.decorator_list)
    return handed_on or bool(changed - new) or not all(map(_only_binds, body))


def _only_binds(statement: ast.stmt) -> bool:
    if isinstance(statement, ASSIGNED):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        parts = [
            part for target in targets for part in ast.walk(target) if isinstance(part, ast.expr)
        ]
        return all(
            isinstance(part, ast.Name | ast.Tuple | ast.List | ast.Starred) for part in parts
        )
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.If) and _dotted(statement.test) == "TYPE_CHECKING":
        return all(isinstance(one, IMPORTS) for one in statement.body) and not statement.orelse
    return constant or isinstance(statement, (*IMPORTS, *DEFINED, ast.Pass))


def _runs(statement: ast.stmt, scope: _Scope) -> bool:
    """Whether a statement of a module may have an effect on more than its names."""
    for node in _evaluated(statement):
        if isinstance(node, ast.Call) and not _is_harmless(node, scope):
            return True
        if any(not _is_harmless(of, scope) for of in getattr(node, "decorator_list", [])):
            return True
        if isinstance(node, ast.stmt) and not _only_binds(node):
            return True
    return False


def _is_harmless(function: ast.expr, scope: _Scope) -> bool:
    called = function.func if isinstance(function, ast.Call) else function
    return all(full in HARMLESS or full in scope.records for full in scope.full(_dotted(called)))


def _is_record(node: ast.ClassDef) -> bool:
    """Whether a class is a frozen dataclass that, when one is made, stores its fields, and at most
    refuses them."""
    text = ast.unparse(node)
    methods = [one for one in node.body if isinstance(one, FUNCTIONS)]
    checks = [part for one in methods if one.name == "__post_init__" for part in one.body]
    refuses = all(
        isinstance(one, ast.If) and isinstance(one.body[0], ast.Raise) and not one.orelse
        for one in checks
    )
    tested = [
        part
        for one in checks
        for part in ast.walk(getattr(one, "test", one))
        if isinstance(part, ast.Call)
    ]
    refuses = refuses and all(
        (name := _dotted(of.func)) in HARMLESS or name.endswith(".get") for of in tested
    )
    plain = not node.bases and not {"__init__", "__new__"} & {one.name for one in methods}
    return (
        refuses
        and plain
        and text.startswith("@dataclass(frozen=True)\n")
        and "default_factory" not in text
    )


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those in it that are evaluated with it: not the bodies of functions."""
    yield node
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, (*FUNCTIONS, ast.Lambda)):
        children = [
            *getattr(node, "decorator_list", []),
            node.args,
            *filter(None, [getattr(node, "returns", None)]),
        ]
    for child in children:
        yield from _evaluated(child)


def _run_by_call(call: ast.Call, scope: _Scope) -> list[str]:
    """The module that a call imports by its name; `UNFOLLOWED` with the function, if it runs code
    from elsewhere."""
    function = next((full for full in scope.full(_dotted(call.func)) if full in CALLS), "")
    if not function:
        return []
    given = [
        *call.args[:2],
        *(keyword.value for keyword in call.keywords if keyword.arg == "package"),
    ]
    texts = [
        one.value if isinstance(one, ast.Constant) and isinstance(one.value, str) else ""
        for one in given
    ]
    name = texts[0] if texts else ""
    if name.startswith("."):
        with suppress(ImportError):  # beyond the outermost package
            name = resolve_name(name, texts[1] if texts[1:] and texts[1] else scope.package)
    if name and function in IMPORTING:
        return [name]
    return [] if name and function == "exec" else [f"{UNFOLLOWED}{function}"]


def _tree_text(node: object) -> str:
    """A syntax tree as text, the same in all versions of Python: the empty fields that some add are
    left out."""
    if isinstance(node, list):
        return f"[{','.join([_tree_text(item) for item in node])}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, (*DEFINED, ast.Module)):
        first = node.body[0].value if node.body and isinstance(node.body[0], ast.Expr) else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):  # the docstring
            node.body = node.body[1:]
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == FIELD:
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
    values = [(name, getattr(node, name, None)) for name in node._fields]
    fields = [
        f"{name}={_tree_text(value)}" for name, value in values if value is not None and value != []
    ]
    return f"{type(node).__name__}({','.join(fields)})"
