"""The features of the service: loaded, made, looked at, and joined.

Whatever a person may have written in `features.py` or in a feature, what is wrong with it is said in one line with its
file; nothing here ends in a traceback.

    FeatureError (RuntimeError)    the features cannot be put together
"""

import inspect
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import attrs

from tbg.contract import Contract
from tbg.contract.source import shown, source_of
from tbg.errors import DomainError
from tbg.feature import Feature, FeatureFactory
from tbg.infrastructure import Infrastructure
from tbg.project import PROJECT_ROOT

_LOCATION: Final = "tbg.features"
_ERRORS: Final = range(400, 600)


class FeatureError(RuntimeError):
    """The features cannot be put together; the message lists every finding.

    Attributes:
        findings: Each in one line, with its file.
    """

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(["The features cannot be used:", *(f"  - {each}" for each in self.findings)]))


@attrs.frozen
class Made:
    """A feature, and what made it."""

    name: str
    place: str
    feature: Feature


def load_factories() -> Sequence[FeatureFactory]:
    """Return what `features.py` lists.

    Raises:
        FeatureError: It cannot be imported, or lists nothing that is a feature.
    """
    try:
        found: Any = import_module(_LOCATION)
    except Exception as error:
        raise FeatureError([f"{_place(error)}: {_LOCATION} cannot be imported: {_reason(error)}"]) from error
    factories = getattr(found, "FEATURES", None)
    if not isinstance(factories, list | tuple):
        text = f"FEATURES must be a tuple of features, such as (estimates.feature,), not {_kind(factories)}"
        raise FeatureError([f"{shown(found.__file__)}: {text}"])
    return factories


def make_features(factories: Iterable[FeatureFactory], infrastructure: Infrastructure) -> tuple[Made, ...]:
    """Make the features and look at each.

    Raises:
        FeatureError: One cannot be made or used; all findings are listed.
    """
    made, findings = list[Made](), list[str]()
    for factory in factories:
        result = _make(factory, infrastructure)
        if isinstance(result, Made):
            made.append(result)
            findings += [f"{result.place}: {result.name}: {problem}" for problem in _problems(result.feature)]
        else:
            findings.append(result)
    if findings:
        raise FeatureError(findings)
    return tuple(made)


def require_apart(made: Iterable[Made]) -> None:
    """Hold the features against each other.

    Raises:
        FeatureError: Two want the same for themselves; all findings are listed.
    """
    if findings := list(_clashes(list(made))):
        raise FeatureError(findings)


def undocumented_errors(contract: Contract, features: Iterable[Feature]) -> list[str]:
    """List the errors whose status no operation of their feature documents: they would all become 500."""
    findings = []
    for feature in features:
        paths = feature.resources or {path for _, path in contract.operations}
        own = [operation for operation in contract.operations.values() if operation.path in paths]
        findings += [
            f"{source_of(error)}: {error.__name__} is answered {status}, which no operation of its feature documents"
            for error, status in feature.errors.items()
            if not any(operation.response(status) for operation in own)
        ]
    return findings


def joined[Value](parts: Iterable[Mapping[str, Value]]) -> dict[str, Value]:
    """Join what features have by name."""
    return {name: value for part in parts for name, value in part.items()}


def _make(factory: Any, infrastructure: Infrastructure) -> Made | str:  # noqa: ANN401 - whatever features.py lists
    if not callable(factory):
        return f"FEATURES lists {_kind(factory)}: list the function that makes a feature, such as estimates.feature"
    name = f"{getattr(factory, '__module__', '?')}.{getattr(factory, '__qualname__', _kind(factory))}"
    place = source_of(factory)
    try:
        inspect.signature(factory).bind(infrastructure)
    except (TypeError, ValueError) as error:
        return f"{place}: {name} must take the infrastructure and nothing else: {error}"
    try:
        feature = factory(infrastructure)
    except Exception as error:  # noqa: BLE001 - a feature's own code; whoever wrote it is told
        return f"{_place(error)}: {name} failed: {_reason(error)}"
    if isinstance(feature, Feature):
        return Made(name, place, feature)
    if inspect.iscoroutine(feature):
        feature.close()
        return f"{place}: {name} must not be async: it only says what there is"
    return f"{place}: {name} must return a Feature, not {_kind(feature)}"


def _problems(feature: Feature) -> Iterator[str]:
    """Find what cannot be used of one feature."""
    parts: dict[str, Any] = {name: getattr(feature, name) for name in ("resources", "errors", "pings", "scopes")}
    for name, part in parts.items():
        if not isinstance(part, Mapping):
            yield f"{name} must be a mapping, not {_kind(part)}"
            return
    if not any(parts.values()):
        yield "it adds nothing: Feature(resources={'/path': Resource()}, …)"
    for error, status in parts["errors"].items():
        if not (isinstance(error, type) and issubclass(error, DomainError)):
            yield f"errors: {_kind(error)} is no DomainError"
        elif not isinstance(status, int) or status not in _ERRORS:
            yield f"errors: {error.__name__}: {status!r} is no status of an error, which are 400 to 599"
    for name, ping in parts["pings"].items():
        yield from _wrong_callable(f"pings: {name}", ping, [], is_async=True)
    for name, scope in parts["scopes"].items():
        yield from _wrong_callable(f"scopes: {name}", scope, ["req"], is_async=False)


def _wrong_callable(where: str, function: Any, arguments: list[str], *, is_async: bool) -> Iterator[str]:  # noqa: ANN401 - anything
    if not callable(function):
        yield f"{where}: {_kind(function)} is no function"
        return
    place = source_of(function)
    if _is_async(function) != is_async:
        yield f"{where} ({place}) {'must be an async function' if is_async else 'must not be async'}"
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        yield f"{where} ({place}) must take {' and '.join(arguments) or 'nothing'}: {error}"
    except ValueError:
        return  # it has no signature that can be looked at


def _is_async(function: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _clashes(made: Sequence[Made]) -> Iterator[str]:
    """Find what two features want for themselves."""
    for what, part in (("path", "resources"), ("rate-limit scope", "scopes"), ("ping", "pings"), ("error", "errors")):
        owners = dict[object, tuple[Made, object]]()
        for each in made:
            for key, value in getattr(each.feature, part).items():
                owner, first = owners.setdefault(key, (each, value))
                # An error that two features share is no clash, as long as both give it the same status.
                if owner is not each and (part != "errors" or first != value):
                    name = key.__name__ if isinstance(key, type) else key
                    yield f"{each.place}: {each.name}: the {what} {name} is {owner.name}'s already"


def _place(error: Exception) -> str:
    """Return the line of this project where ``error`` came from, or the last one."""
    if isinstance(error, SyntaxError):
        return f"{shown(error.filename)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(frame.filename)]
    frame = (own or frames)[-1]
    return f"{shown(frame.filename)}:{frame.lineno}"


def _is_own(file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(PROJECT_ROOT) and "site-packages" not in path.parts and file != __file__


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]


def _kind(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = getattr(value, "__name__", None)
    return f"{type(value).__name__} {name}" if isinstance(name, str) else f"a {type(value).__name__}"
