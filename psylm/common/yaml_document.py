"""YAML documents checked against a schema; every error names file, line and key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from psylm.common.errors import InputError, Problem, one_of

Schema = TypeVar("Schema", bound=BaseModel)
Location = tuple[int | str, ...]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name that a folder or file can have too."""

Names = Annotated[list[str], Field(min_length=1)]
"""One name at least."""

GIVEN = "given_on_the_command_line"
"""Attribute of a document that lists the places that `--set` gave; their errors name the option, not a line."""


def read_text(path: Path, expected: str) -> str:
    """Read a UTF-8 text file.

    Parameters
    ----------
    path
        The file; a byte-order mark at its beginning is left out.
    expected
        What the file should be, for messages.

    Raises
    ------
    InputError
        The file cannot be read, or is not UTF-8; the line is reported.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(Problem(str(path), f"no readable file ({error.strerror})", expected)) from None
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(Problem(f"{path}: line {line}", "bytes that are not UTF-8", "UTF-8 text")) from None


def read_yaml(path: Path) -> CommentedMap:
    """Read a YAML mapping; plain data only, nothing in it is executed.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    CommentedMap
        The mapping, which knows the line of each of its keys.

    Raises
    ------
    InputError
        The file is absent, is not UTF-8 or YAML, or holds something other than a mapping.
    """
    return read_yaml_text(read_text(path, "a YAML file"), path)


def read_yaml_text(text: str, path: Path) -> CommentedMap:
    """Read a YAML mapping from a text that stands in a file; as `read_yaml`."""
    try:
        document = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(Problem(f"{path}{line}", f"broken YAML ({error.problem})", "valid YAML")) from None
    except YAMLError as error:
        raise InputError(Problem(str(path), f"broken YAML ({error})", "valid YAML")) from None
    if not isinstance(document, CommentedMap):
        found = "an empty file" if document is None else f"a {type(document).__name__}"
        raise InputError(Problem(str(path), found, "a mapping of keys to values"))
    return document


def checked(schema: type[Schema], document: CommentedMap, path: Path, at: Location = ()) -> Schema:
    """Validate a mapping, or a part of it, against a pydantic schema.

    Parameters
    ----------
    schema
        The pydantic model that says which keys there are and what they hold.
    document
        The mapping, as `read_yaml` gives it.
    path
        The file that it came from, for messages.
    at
        The keys that lead to the part to validate; the whole by default.

    Raises
    ------
    InputError
        One problem for each key that does not fit, with its line.
    """
    part: Any = document
    for key in at:
        part = part[key]
    try:
        return schema.model_validate(plain(part) if part is not None else {})
    except ValidationError as error:
        raise InputError(*problems_of(error, schema, lambda loc: place(document, path, (*at, *loc)))) from None


def problems_of(error: ValidationError, schema: type[BaseModel], where: Callable[[Location], str]) -> list[Problem]:
    """Say what pydantic found.

    Parameters
    ----------
    error
        What it raised.
    schema
        The schema that was not met.
    where
        Names the place of a location within the schema.
    """
    return [
        Problem(where((*issue["loc"], *_within(issue))), _found(issue), _expected(issue, schema))
        for issue in error.errors()
    ]


def misfit(at: Location, found: str, expected: str) -> PydanticCustomError:
    """Make the error of a validator that looks at several keys: raised, it is reported at the key `at`.

    Parameters
    ----------
    at
        The keys that lead from the mapping that is validated to what is wrong.
    found, expected
        As in `psylm.common.errors.Problem`.
    """
    return PydanticCustomError("misfit", "{expected}", {"at": at, "found": found, "expected": expected})


def place(document: CommentedMap, path: Path, location: Location) -> str:
    """Say where a key stands: file, line and dotted key, or the `--set` that gave it."""
    if any(location[: len(given)] == given for given in getattr(document, GIVEN, ())):
        return f"--set {dotted(location)}"
    return f"{path}, line {line_of(document, location)}, key {dotted(location)}"


def override(document: CommentedMap, assignment: str) -> None:
    """Set a value in a mapping as `--set key=value` asks.

    Parameters
    ----------
    document
        The mapping, changed in place; it remembers what was given this way.
    assignment
        `key=value`: keys are joined by dots, a list is entered by number or by the name of an entry, the value is
        read as YAML.

    Raises
    ------
    InputError
        The assignment has another form, or leads into something that is no mapping or list.

    Examples
    --------
    >>> document = read_yaml_text("measures: [{cloze: {top_k: 5}}]", Path("cloze.yaml"))
    >>> override(document, "measures.cloze.top_k=10")
    >>> document["measures"][0]["cloze"]["top_k"]
    10
    """
    dotted_key, value = _assignment(assignment, "--set")
    location = _assign(document, dotted_key.split("."), value, assignment)
    setattr(document, GIVEN, (*getattr(document, GIVEN, ()), location))


def assignments(given: Sequence[str]) -> dict[str, Any]:
    """Read options as `--option key=value` gives them, the values as YAML.

    Examples
    --------
    >>> assignments(["alpha=0.5", "units=[word, token]"])
    {'alpha': 0.5, 'units': ['word', 'token']}
    """
    pairs = [_assignment(assignment, "--option") for assignment in given]
    twice = {key for key, _ in pairs if [other for other, _ in pairs].count(key) > 1}
    if twice:
        raise InputError(*(Problem(f"--option {key}", "several values", "each option once") for key in sorted(twice)))
    return dict(pairs)


def _assignment(assignment: str, flag: str) -> tuple[str, Any]:
    key, equals, text = assignment.partition("=")
    if not equals or not key.strip("."):
        raise InputError(Problem(f"{flag} {assignment}", "no key=value", "for example seed=7"))
    try:
        return key, YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        raise InputError(Problem(f"{flag} {assignment}", f"{text!r}", "a YAML value")) from None


def _assign(node: CommentedMap | CommentedSeq, keys: list[str], value: Any, assignment: str) -> Location:
    name, *rest = keys
    key: int | str = name
    if isinstance(node, CommentedSeq):
        key = _entry(node, name, assignment)
        if not name.isdigit():
            if isinstance(node[key], str):
                node[key] = CommentedMap({name: CommentedMap()})
            return (key, *_assign(node[key], keys, value, assignment))
    if not rest:
        node[key] = value
        return (key,)
    if isinstance(node, CommentedMap) and node.get(key) is None:
        node[key] = CommentedMap()
    if not isinstance(node[key], CommentedMap | CommentedSeq):
        raise InputError(Problem(f"--set {assignment}", f"{node[key]!r} at {name}", "a mapping or list there"))
    return (key, *_assign(node[key], rest, value, assignment))


def _entry(sequence: CommentedSeq, name: str, assignment: str) -> int:
    """Find a list's entry by its number, or by its name: the entry itself or the only key of a mapping."""
    names = [next(iter(entry), "") if isinstance(entry, CommentedMap) else entry for entry in sequence]
    if name.isdigit() and int(name) < len(sequence):
        return int(name)
    if name in names:
        return names.index(name)
    expected = f"a number below {len(sequence)} or one of {', '.join(map(str, names))}"
    raise InputError(Problem(f"--set {assignment}", repr(name), expected))


def plain(value: Any) -> Any:
    """Turn ruamel's annotated containers and scalars into plain Python ones."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def line_of(document: CommentedMap, location: Location) -> int:
    """Return the 1-based line of a key, or of the nearest enclosing one that the file has."""
    line = int(document.lc.line)
    node: Any = document
    for key in location:
        if isinstance(node, CommentedMap) and key in (node.lc.data or ()):
            line = node.lc.key(key)[0]
        elif isinstance(node, CommentedSeq) and key in (node.lc.data or ()):
            line = node.lc.item(key)[0]
        else:
            break
        node = node[key]
    return line + 1


def dotted(location: Location) -> str:
    """Write a location as the user would type it in `--set`: `measures.0.cloze`."""
    return ".".join(map(str, location)) or "(document)"


def _within(issue: Any) -> Location:
    """Return the keys at which a validator of several keys found something wrong."""
    return tuple(issue["ctx"]["at"]) if issue["type"] == "misfit" else ()


def _found(issue: Any) -> str:
    if issue["type"] == "misfit":
        return str(issue["ctx"]["found"])
    if issue["type"] == "missing":
        return "nothing"
    if issue["type"] == "extra_forbidden":
        return "a key that is not known here"
    if isinstance(issue["input"], dict | list):
        kind = "mapping with the keys" if isinstance(issue["input"], dict) else "list of"
        text = f"a {kind} {', '.join(map(str, issue['input']))}" if issue["input"] else repr(issue["input"])
    else:
        text = repr(issue["input"])
    return text if len(text) <= 80 else text[:77] + "..."


def _expected(issue: Any, schema: type[BaseModel]) -> str:
    if issue["type"] == "missing":
        return "this key, which is required"
    if issue["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in schema.model_fields.items()]
        return one_of(str(issue["loc"][-1]), known) if len(issue["loc"]) == 1 else "no key of this name"
    message: str = issue["msg"]
    return message.removeprefix("Value error, ").removeprefix("Input should be ")
