"""The mutants of the core: one small change each, made by the operators of Cosmic Ray and by a few more.

Cosmic Ray changes operators, comparisons, numbers, truth values, loops, decorators. Much of the core is tables of names
and texts, and calls, so there are operators here for texts, members, arguments, returns and whole statements.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import parso
from attrs import frozen
from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names


@frozen
class Mutant:
    """A file of the core with one change."""

    file: str
    """Below the project's folder."""
    line: int
    was: str
    becomes: str
    source: str

    @property
    def name(self) -> str:
        """What stands in the list of survivors: no line numbers, so that it outlives changes elsewhere."""
        return f"{self.file}: {self.was} -> {self.becomes}"


class _OwnOperator(Operator):
    """An operator that changes the nodes of some types in one way each."""

    types: tuple[str, ...]

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type in self.types and self.replacement(node) is not None:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        replaced = parso.parse(self.replacement(node) or "").children[0]
        code = replaced.children[0] if replaced.type == "simple_stmt" else replaced
        code.get_first_leaf().prefix = node.get_first_leaf().prefix
        return code

    def replacement(self, node: Any) -> str | None:
        raise NotImplementedError

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class OtherText(_OwnOperator):
    """Makes another text of a text that is no docstring."""

    types = ("string",)

    def replacement(self, node: Any) -> str:
        text = ast.literal_eval(node.value)
        return repr(text + (b"*" if isinstance(text, bytes) else "*") if text else "*")


class OtherMember(_OwnOperator):
    """Takes another attribute in place of a constant, the one that comes next in the order of the file."""

    types = ("trailer",)

    def replacement(self, node: Any) -> str | None:
        if node.children[0].value != "." or not node.children[1].value.isupper():
            return None
        name = node.children[1].value
        before = node.get_previous_sibling()
        others = sorted(_constants(node.get_root_node(), before.get_code().strip()) - {name})
        return f".{others[0]}" if others else None

    def mutate(self, node: Any, index: int) -> Any:
        node.children[1].value = (self.replacement(node) or ".")[1:]
        return node


class NoneForArgument(_OwnOperator):
    """Passes `None` for an argument."""

    types = ("arglist", "trailer", "argument")

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        for place in self._places(node):
            yield node.children[place].start_pos, node.children[place].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        place = self._places(node)[index]
        nothing = parso.parse("None").children[0]
        nothing.prefix = node.children[place].get_first_leaf().prefix
        nothing.parent = node
        node.children[place] = nothing
        return node

    def _places(self, node: Any) -> list[int]:
        if node.type == "arglist":
            return [at for at, child in enumerate(node.children) if child.type not in {"operator", "argument"}]
        if node.type == "argument":
            return [2] if node.children[1].get_code() == "=" else []
        is_call = node.type == "trailer" and node.children[0].value == "(" and len(node.children) == 3
        return [1] if is_call and node.children[1].type not in {"arglist", "argument"} else []


class NoneReturned(_OwnOperator):
    """Returns `None`."""

    types = ("return_stmt",)

    def replacement(self, node: Any) -> str | None:
        return None if node.get_code().strip() == "return None" else "return None"


class NoStatement(_OwnOperator):
    """Leaves out an assignment, a call, a yield, an assertion or a raise inside a function."""

    types = ("expr_stmt", "atom_expr", "yield_expr", "assert_stmt", "raise_stmt", "power")

    def replacement(self, node: Any) -> str | None:
        return "pass" if node.parent.type == "simple_stmt" and _function_of(node) is not None else None


_OWN: Final = (OtherText, OtherMember, NoneForArgument, NoneReturned, NoStatement)
_LEFT_OUT: Final = (
    # They need arguments, and put names where they make no sense.
    "core/VariableReplacer",
    "core/VariableInserter",
    # What is compared by identity here is None, a class, a member of an enumeration or a step: of each there is one.
    "core/ReplaceComparisonOperator_Is_Eq",
    "core/ReplaceComparisonOperator_IsNot_NotEq",
)


def mutants_of(project: Path, file: str) -> Iterator[Mutant]:
    """Yield the mutants of a file, without those that differ from it in annotations and docstrings alone."""
    original = project.joinpath(file).read_text("utf-8")
    seen = {_what_runs(original)}
    for operator in _operators():
        occurrence = 0
        while (source := _mutated(original, operator, occurrence)) is not None:
            occurrence += 1
            what_runs = _what_runs(source)
            if what_runs is not None and what_runs not in seen:
                seen.add(what_runs)
                yield _mutant(file, original, source)


def _operators() -> Iterator[Operator]:
    for name in operator_names():
        if name.startswith("core/") and name not in _LEFT_OUT:
            yield get_operator(name)()
    yield from (operator() for operator in _OWN)


def _mutated(source: str, operator: Operator, occurrence: int) -> str | None:
    visitor = MutationVisitor(occurrence, operator)
    tree = visitor.walk(get_ast(source))
    return tree.get_code() if visitor.mutation_applied else None


_FINAL: Final = ast.dump(ast.Name("final", ast.Load()))


class _Runs(ast.NodeTransformer):
    """Leaves out what is never run, or says nothing but types: annotations, docstrings, type aliases, `@final`."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:  # ast's name
        if isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias":
            return None
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:  # ast's name
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:  # ast's name
        node.returns = None
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:  # ast's name
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:  # ast's name
        node.decorator_list = [each for each in node.decorator_list if ast.dump(each) != _FINAL]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:  # ast's name
        self.generic_visit(node)
        match node.func:
            case ast.Name("cast"):
                return node.args[-1]
            case ast.Name("TypeVar"):
                return ast.Constant(None)
        return node


def _what_runs(source: str) -> str | None:
    try:
        return ast.dump(_Runs().visit(ast.parse(source)))
    except SyntaxError:
        return None


def _mutant(file: str, original: str, source: str) -> Mutant:
    old, new = original.splitlines(), source.splitlines()
    start = next(at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    was, becomes = (" ".join(" ".join(lines[start : len(lines) - end]).split()) for lines in (old, new))
    return Mutant(file, start + 1, was, becomes, source)


def _constants(tree: Any, owner: str) -> set[str]:
    found = set()
    for name, nodes in tree.get_used_names().items():
        if name.isupper():
            before = (node.parent.get_previous_sibling() for node in nodes if node.parent.type == "trailer")
            found |= {name for one in before if one is not None and one.get_code().strip() == owner}
    return found


def _function_of(node: Any) -> Any:
    return parso.tree.search_ancestor(node, "funcdef")
