"""A pattern is what ECMA-262 says (with the ``u`` flag), and takes no longer than the text is long."""

import time

import pytest

from tbg.contract.patterns import Budget, OverBudgetError, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("^a$", ["a"], ["a\n", "ba"]),  # the end is the end
        ("a", ["bab"], ["b"]),  # unanchored
        (r"^\d$", ["1"], ["\u0663", "a"]),
        (r"^\w$", ["a", "_"], ["\xe9", "-"]),
        (r"^\s$", [" ", "\xa0", "\ufeff", "\u2028"], ["\u180e", "\u0085", "a"]),
        (r"^[\D]$", ["a", "\u0663"], ["1"]),
        (r"^[^\W]$", ["a"], ["\xe9"]),
        (r"^[\s\S]$", ["\n", "a"], [""]),
        ("^.$", ["a", "\u0085", "\U0001f600"], ["\n", "\r", "\u2028", "ab"]),
        ("^[^a]$", ["\n", "b"], ["a"]),
        ("^[^]$", ["\n"], [""]),
        ("[]", [], ["", "a"]),
        ("^[[&&~~]$", ["[", "&", "~"], ["]", "a"]),
        (r"^[\]\-^\\]$", ["]", "-", "^", "\\"], ["a"]),
        (r"^[\w-.]$", ["-", "."], ["/"]),
        (r"\bb", ["b", "\xe9b"], ["ab"]),
        (r"a\B", ["ab"], ["a"]),
        (r"^[\b]$", ["\b"], ["b"]),
        (r"^\u0061\x62\cA\t\/$", ["ab\x01\t/"], ["ab"]),
        (r"^\u{1F600}\ud83d\ude00$", ["\U0001f600\U0001f600"], ["\U0001f600"]),
        (r"^[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF]$", ["a", "\U0001f600"], ["\n", "\ufffe"]),
        (r"^\p{Lu}\P{L}$", ["A1"], ["a1", "Aa"]),
        ("^a{,2}$", ["a{,2}"], ["a"]),  # no quantifier
        ("^x{2,3}?$", ["xx", "xxx"], ["x"]),
        ("^(?<year>[0-9]{4})$", ["2020"], ["20"]),
        ("^.{2,70000}$", ["ab", "a" * 70_000], ["a", "a" * 70_001, "a\n"]),
        ("^[a-z]{3}$", ["abc"], ["ab", "abcd"]),
        ("^(?!a)b?", ["b", ""], ["a"]),
        (r"(?<=a)b\b", ["ab"], ["b", "abc"]),
        (r"^(a|b)\1$", ["aa"], ["ab"]),
        (r"^(?<x>a|b)\k<x>$", ["bb"], ["ab"]),
    ],
)
def test_a_pattern_matches_what_it_describes(pattern: str, good: list[str], bad: list[str]) -> None:
    compiled = compile_pattern(pattern)

    assert [text for text in good if not compiled.matches(text, Budget())] == []
    assert [text for text in bad if compiled.matches(text, Budget())] == []


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?i)a", "(?P<x>a)", "(?>a)", "(?#a)", r"\A", r"a\Z", r"\h", r"\z", "a++", "*a", "^*", "a{2}{3}", "a|+"),
        *("[b-a]", "[", "(", "a)", "\\", "[a\\", r"\u{110000}", r"\p{Nonsense}", "(a{999}){999}", "a" * 20_001),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"ECMA-262|too long"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", [r"^(\w+\s?)*$", "^(a|a)*$", "(a*)*b", "^(a+)+$", r"^([a-z]+)*\d$"])
def test_a_pattern_takes_linear_time(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    started = time.process_time()

    assert not compiled.matches("a" * 500_000 + "!", Budget())
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("pattern", [r"(?=.*z)x", r"^(a+)+\1b$", r"^(?:(?=a)a|a)*$"])
def test_one_that_looks_around_is_given_up_in_time(pattern: str) -> None:
    compiled, budget = compile_pattern(pattern), Budget()
    started = time.process_time()

    with pytest.raises(OverBudgetError):
        any(compiled.matches("a" * 9_000 + "!", budget) for _ in range(2_000))
    assert time.process_time() - started < 1


def test_a_long_text_is_not_tried_by_one_that_looks_around() -> None:
    with pytest.raises(OverBudgetError):
        compile_pattern("^(?!b)").matches("a" * 10_001, Budget())
