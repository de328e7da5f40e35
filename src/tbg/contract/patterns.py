r"""Regular expressions as JSON Schema means them (2020-12 core, section 6.4), on an engine that takes linear time.

A ``pattern`` is ECMA-262 with the ``u`` flag: ``\d`` is ASCII, ``$`` is the very end, ``.`` is no line terminator. Each
is rewritten for Rust's engine, which knows no backtracking. What it cannot have at all, looking around and referring
back, runs on one that backtracks, so often and on so much text as a budget allows. What is no ECMA-262 is refused.
"""

import re
import time
from functools import cached_property

import attrs
from jsonschema_rs import Draft202012Validator, FancyRegexOptions, RegexOptions, ValidationError, ValidationErrorKind

_DIGITS, _WORD = "0-9", "A-Za-z0-9_"
_BLANKS = r"\t\n\x0B\x0C\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}"
_NO_DIGITS, _NO_WORD = r"\x{0}-/:-\x{10FFFF}", r"\x{0}-/:-@\x{5B}-\x{5E}`\x{7B}-\x{10FFFF}"
_NO_BLANKS = (
    r"\x{0}-\x{8}\x{E}-\x{1F}!-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}"
    r"\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{FEFE}\x{FF00}-\x{10FFFF}"
)
_SHORTHANDS = {"d": _DIGITS, "w": _WORD, "s": _BLANKS, "D": _NO_DIGITS, "W": _NO_WORD, "S": _NO_BLANKS}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}
_ANY_OF_A_LINE = r"[^\n\r\x{2028}\x{2029}]"
_INSIDE, _OUTSIDE = rf"(?<=[{_WORD}])", rf"(?<![{_WORD}])"
_BOUNDARY = rf"(?:{_INSIDE}(?![{_WORD}])|{_OUTSIDE}(?=[{_WORD}]))"
_NO_BOUNDARY = rf"(?:{_INSIDE}(?=[{_WORD}])|{_OUTSIDE}(?![{_WORD}]))"

_GROUP = re.compile(r"\((?:\?(?::|<?[=!]|<[A-Za-z_$][\w$]*>))?", re.ASCII)
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??", re.ASCII)
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]+)\}")
_LOW_HALF = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")
_PROPERTY = re.compile(r"[pP]\{(?:(?:gc|General_Category|sc|Script|scx|Script_Extensions)=)?[A-Za-z_]+\}")
_REFERENCE = re.compile(r"[1-9]\d{0,2}|k<[A-Za-z_$][\w$]*>", re.ASCII)
_LONG = re.compile(r"\^(\[(?:[^\[\]\\]|\\.)+\])\{(\d+)(?:,(\d*))?\}\$", re.ASCII)
"""One class, so and so often: written out for an engine without counters, ``^.{1,65535}$`` takes 60 MB."""

_HIGH_HALF, _LOW_HALF_FROM, _HALVES_END = 0xD800, 0xDC00, 0xE000
_LAST = 0x10FFFF

_MOST_STEPS = 10_000
_LONGEST_TEXT = 10_000
_MOST_SECONDS = 0.5
LONGEST_PATTERN = 20_000


class OverBudgetError(Exception):
    """A value takes longer to judge than it may."""


@attrs.define
class Budget:
    """What one judgement may still spend on expressions that need backtracking."""

    seconds: float = _MOST_SECONDS


@attrs.frozen(eq=False)
class Pattern:
    """One expression, compiled.

    Attributes:
        native: The same for Rust's linear engine, or None if it needs backtracking.
    """

    native: str | None
    shortest: int
    longest: int | None
    _engine: Draft202012Validator = attrs.field(repr=False)

    @cached_property
    def is_bounded(self) -> bool:
        """Whether the length of the text counts, too."""
        return self.shortest > 0 or self.longest is not None

    def matches(self, text: str, budget: Budget) -> bool:
        """Search in ``text``.

        Raises:
            OverBudgetError: It cannot be told within the budget.
        """
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode()  # half of a surrogate pair is no character
        if self.native is not None:
            return (
                self._engine.is_valid(text)
                and len(text) >= self.shortest
                and (self.longest is None or len(text) <= self.longest)
            )
        return self._search(text, budget)

    def _search(self, text: str, budget: Budget) -> bool:
        if len(text) > _LONGEST_TEXT or budget.seconds <= 0:
            raise OverBudgetError
        began = time.perf_counter()
        try:
            self._engine.validate(text)
        except ValidationError as error:
            if isinstance(error.kind, ValidationErrorKind.Pattern):
                return False
            raise OverBudgetError from None
        finally:
            budget.seconds -= time.perf_counter() - began
        return True


def compile_pattern(pattern: str) -> Pattern:
    """Compile what a contract writes under ``pattern`` or ``patternProperties``.

    Raises:
        ValueError: It is not ECMA-262, or too large.
    """
    written = _Writer(pattern)
    text, is_linear = written.text, written.is_linear
    shortest, longest = 0, None
    if is_linear and (counted := _LONG.fullmatch(text)):
        text = f"^{counted[1]}*$"
        shortest = int(counted[2])
        longest = shortest if counted[3] is None else int(counted[3]) if counted[3] else None
    options = RegexOptions() if is_linear else FancyRegexOptions(backtrack_limit=_MOST_STEPS)
    try:
        engine = Draft202012Validator({"pattern": text}, pattern_options=options)
    except (ValueError, RecursionError):
        raise ValueError(f"the pattern {pattern[:100]} is too large, or not ECMA-262") from None
    return Pattern(text if is_linear else None, shortest, longest, engine)


def problem_of(pattern: str) -> str:
    """Say why an expression cannot be compiled; empty if it can."""
    try:
        compile_pattern(pattern)
    except ValueError as error:
        return str(error)
    return ""


class _Writer:
    """Rewrites one expression, from left to right."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise ValueError("a pattern is too long")
        self._pattern = pattern
        self._at = 0
        self._is_repeatable = False
        self._groups: list[str] = []
        self.is_linear = not re.search(r"\(\?<?[=!]|\\[1-9]|\\k<", pattern.replace("\\\\", ""))
        out: list[str] = []
        while self._at < len(pattern):
            out.append(self._next())
        self.text = "".join(out)

    def _next(self) -> str:  # noqa: PLR0911 - one kind of token after the other
        character = self._pattern[self._at]
        if found := _QUANTIFIER.match(self._pattern, self._at):
            if not self._is_repeatable:
                raise self._wrong("nothing to repeat")
            self._is_repeatable = False
            self._at = found.end()
            return found[0]
        self._is_repeatable = character not in "^$|("
        if character == "(":
            return self._group()
        self._at += 1
        match character:
            case "\\":
                return self._escape()
            case "[":
                return self._class()
            case ".":
                return _ANY_OF_A_LINE
            case "^" | "$" | "|" | ")":
                return character
            case _:
                return _literal(ord(character))

    def _group(self) -> str:
        found = _GROUP.match(self._pattern, self._at)
        if found is None or self._pattern.startswith("?", found.end()):
            raise self._wrong("an unknown kind of group")
        self._at = found.end()
        if found[0] != "(" and not found[0].endswith(">"):
            return found[0]
        self._groups.append(found[0][3:-1])
        return "("

    def _escape(self) -> str:
        escaped = self._pattern[self._at : self._at + 1]
        if escaped and escaped in "bB":
            self._at += 1
            self._is_repeatable = False
            if self.is_linear:
                return rf"(?-u:\{escaped})"
            return _BOUNDARY if escaped == "b" else _NO_BOUNDARY
        if found := _REFERENCE.match(self._pattern, self._at):
            self._at = found.end()
            name = found[0][2:-1]
            if found[0][0] == "k" and name not in self._groups:
                raise self._wrong(f"no group before is called {name}")
            number = self._groups.index(name) + 1 if found[0][0] == "k" else found[0]
            return rf"(?:\{number})"
        member = self._shorthand()
        return f"[{member}]" if member is not None else _literal(self._code_point())

    def _shorthand(self) -> str | None:
        """Read ``d``, ``W``, ``p{L}`` and the like behind a backslash; None if something else stands there."""
        escaped = self._pattern[self._at : self._at + 1]
        if members := _SHORTHANDS.get(escaped):
            self._at += 1
            return members
        if found := _PROPERTY.match(self._pattern, self._at):
            self._at = found.end()
            return f"\\{found[0]}"
        return None

    def _code_point(self) -> int:
        """Read the character that an escape stands for; the backslash is behind us."""
        if found := _HEX.match(self._pattern, self._at):
            self._at = found.end()
            code = int(found[1] or found[2] or found[3], 16)
            if _HIGH_HALF <= code < _LOW_HALF_FROM and (low := _LOW_HALF.match(self._pattern, self._at)):
                self._at = low.end()
                code = 0x10000 + ((code - _HIGH_HALF) << 10) + int(low[1], 16) - _LOW_HALF_FROM
            if code > _LAST:
                raise self._wrong("no character has that number")
            return code
        escaped = self._pattern[self._at : self._at + 1]
        self._at += 1
        if escaped in _CONTROLS and escaped:
            return _CONTROLS[escaped]
        if escaped == "c" and (letter := self._pattern[self._at : self._at + 1]).isascii() and letter.isalpha():
            self._at += 1
            return ord(letter) % 32
        if not escaped or (escaped.isascii() and escaped.isalnum()):
            raise self._wrong(f"\\{escaped} is unknown")
        return ord(escaped)

    def _class(self) -> str:
        negated = self._pattern.startswith("^", self._at)
        self._at += negated
        members: list[str] = []
        while not self._pattern.startswith("]", self._at):
            if self._at >= len(self._pattern):
                raise self._wrong("a class is not closed")
            members.append(self._members())
        self._at += 1
        text = "".join(members)
        if not text:
            return r"[\x{0}-\x{10FFFF}]" if negated else r"[^\x{0}-\x{10FFFF}]"
        return f"[^{text}]" if negated else f"[{text}]"

    def _members(self) -> str:
        first = self._member()
        if isinstance(first, str):
            return first
        before = self._at
        if self._pattern.startswith("-", before) and not self._pattern.startswith("-]", before):
            self._at += 1
            last = self._member()
            if isinstance(last, int):
                if last < first:
                    raise self._wrong("a range is upside down")
                return _range(first, last)
            self._at = before  # as browsers have it: the hyphen is one, before a shorthand
        return _range(first, first)

    def _member(self) -> str | int:
        character = self._pattern[self._at : self._at + 1]
        if not character:
            raise self._wrong("a class is not closed")
        self._at += 1
        if character != "\\":
            return ord(character)
        if self._pattern.startswith("b", self._at):
            self._at += 1
            return 8
        shorthand = self._shorthand()
        return shorthand if shorthand is not None else self._code_point()

    def _wrong(self, reason: str) -> ValueError:
        return ValueError(f"the pattern {self._pattern[:100]} is not ECMA-262: {reason}")


def _literal(code: int) -> str:
    character = chr(code)
    if character.isascii() and (character.isalnum() or character in "_ "):
        return character
    # Half of a surrogate pair is in no text.
    return r"[^\x{0}-\x{10FFFF}]" if _HIGH_HALF <= code < _HALVES_END else f"\\x{{{code:X}}}"


def _range(first: int, last: int) -> str:
    """Write a range of a class, without the halves of surrogate pairs, which Rust's text cannot have."""
    parts = [(first, min(last, 0xD7FF)), (max(first, 0xE000), last)]
    return "".join(
        _literal(low) if low == high else f"{_literal(low)}-{_literal(high)}" for low, high in parts if low <= high
    )
