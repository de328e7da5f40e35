r"""Regular expressions that Rust's engine may answer for Python's: whatever it matches, Python matches.

What a contract writes is taken over only if it consists of constructs that mean the same to both engines, or less to
Rust: ``$`` (Python allows a newline behind it), ``.`` (which may exclude more), ``\d`` and ``\w`` (written out as
ASCII; Python has all of Unicode). Those must not stand under a negation, so only classes without them are negated.
"""

import re

_ESCAPE = r"\\[.\-/+*?()\[\]{}|^$]|\\x[0-9a-f]{2}"
_MEMBER = rf"(?:[A-Za-z0-9 _.:/@,;=!\"#%'<>*+?(){{}}|$]|~(?!~)|{_ESCAPE})"
_NEGATED = rf"\[\^(?:{_MEMBER}(?:-{_MEMBER})?)+-?\]"
_CLASS = rf"\[(?:\\[dw]|{_MEMBER}(?:-{_MEMBER})?)+-?\]"
_ATOM = rf"(?:[A-Za-z0-9 _:/@,;=!\"#%'<>.-]|{_ESCAPE}|\\[dw]|{_NEGATED}|{_CLASS}|\))"
_QUANTIFIER = r"(?:[*+?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})"
_COMMON = re.compile(rf"(?:\^|\$|\||\((?:\?:)?|{_ATOM}{_QUANTIFIER}?)*", re.ASCII)
_SHORTHAND = re.compile(rf"{_CLASS}|\\[dw]", re.ASCII)


def native(pattern: str) -> str | None:
    """Return ``pattern``, which Python can compile, for Rust's engine, or None if it may match more there."""
    return _SHORTHAND.sub(_written_out, pattern) if _COMMON.fullmatch(pattern) else None


def _written_out(found: re.Match[str]) -> str:
    token = found[0]
    inside = token.startswith("[")
    for escape, members in ((r"\d", "0-9"), (r"\w", "A-Za-z0-9_")):
        token = token.replace(escape, members if inside else f"[{members}]")
    return token
