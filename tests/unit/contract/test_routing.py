"""The router."""

import pytest

from tbg.contract import Router


class Health:
    async def on_get(self, req: object, resp: object) -> None: ...


@pytest.mark.parametrize("path", ["//health", "///health", "//", "/health/", "/health//"])
def test_a_path_is_taken_as_it_is_written(path: str) -> None:
    router = Router()
    router.add_route("/health", Health(), _asgi=True)

    assert router.find("/health") is not None
    assert router.find(path) is None


class Thing:
    async def on_get(self, req: object, resp: object) -> None: ...


def routed(templates: list[str], path: str) -> tuple[str | None, dict[str, object]] | None:
    """Return the template and the parameters of the route to a raw path."""
    router = Router()
    for template in templates:
        router.add_route(template, Thing())
    route = router.route({"path": path, "raw_path": path.encode()})
    return route and (route[3], route[2])


@pytest.mark.parametrize(
    ("templates", "path", "expected"),
    [
        (["/a/{x}/b", "/a/{y}/c"], "/a/1/b", ("/a/{x}/b", {"x": "1"})),
        (["/a/{x}/b", "/a/{y}/c"], "/a/1/c", ("/a/{y}/c", {"y": "1"})),
        (["/a/{x}", "/a/b"], "/a/b", ("/a/b", {})),
        (["/a/{x}/c", "/a/b/d"], "/a/b/c", ("/a/{x}/c", {"x": "b"})),
        (["/a/{x}"], "/a/b%2Fc", ("/a/{x}", {"x": "b/c"})),
        (["/a/{x}"], "/a/%C3%A9", ("/a/{x}", {"x": "é"})),
        (["/a/{x}"], "/a/", None),
        (["/a/{x}"], "/a/..", None),
        (["/a/{x}"], "/a/%2e%2E", None),
        (["/a/{x}"], "/a/%ff", None),
        (["/a/{x}"], "/a/%zz", None),
        (["/a/{x}"], "/a/b/c", None),
        (["/a%2Fb"], "/a/b", None),
        (["/caf%C3%A9"], "/caf%c3%a9", ("/caf%C3%A9", {})),
        (["/{name}.{ext}"], "/a.b.c", ("/{name}.{ext}", {"name": "a.b", "ext": "c"})),
        (["/{name}.{ext}"], "/a.", None),
        (["/{name}.{ext}"], "/.a", None),
        (["/v{major}-{minor}x"], "/v1-2x", ("/v{major}-{minor}x", {"major": "1", "minor": "2"})),
        (["/v{major}-{minor}x"], "/v1-2", None),
        (["/v{major}-{minor}x"], "/v-2x", None),
        (["/{name}.{ext}"], "/a%2Eb", ("/{name}.{ext}", {"name": "a", "ext": "b"})),
        (["/{a};{b}"], "/1%3B2;3", ("/{a};{b}", {"a": "1;2", "b": "3"})),
        (["/caf%C3%A9-{x}"], "/caf%c3%a9-%2f", ("/caf%C3%A9-{x}", {"x": "/"})),
        (["/café-{x}"], "/caf%c3%a9-1", ("/café-{x}", {"x": "1"})),
        (["/f({x})"], "/f%28a%2Fb%29", ("/f({x})", {"x": "a/b"})),
        (["/{a-b}/{a_b}/{a.b}"], "/1/2/3", ("/{a-b}/{a_b}/{a.b}", {"a_b_2": "1", "a_b": "2", "a_b_3": "3"})),
        (["/{req}/{req_}"], "/1/2", ("/{req}/{req_}", {"req__2": "1", "req_": "2"})),
        (["/{class}/{req}/{a-b}"], "/1/2/3", ("/{class}/{req}/{a-b}", {"class_": "1", "req_": "2", "a_b": "3"})),
    ],
)
def test_paths_are_matched_by_their_raw_segments(
    templates: list[str], path: str, expected: tuple[str, dict[str, object]] | None
) -> None:
    assert routed(templates, path) == expected


def test_a_long_path_costs_nothing() -> None:
    assert routed(["/a/{x}"], "/a" * 30_000) is None


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        (["/a/{x}", "/a/{y}"], "matches the same paths as /a/{x}"),
        (["a"], "must begin with a slash"),
        (["/{a}{b}"], "no two parameters may touch"),
        (["/{a"], "each brace must have its other"),
        (["/a}"], "each brace must have its other"),
        (["/{}"], "with a name between"),
        (["/{a}/{a}"], "a name of its own"),
    ],
)
def test_a_template_that_cannot_be_matched_is_refused(templates: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        routed(templates, "/")


def test_a_responder_must_be_a_coroutine_function() -> None:
    class Plain:
        def on_get(self, req: object, resp: object) -> None: ...

    with pytest.raises(TypeError, match=r"Plain\.on_get must be an async function"):
        Router().add_route("/", Plain())


@pytest.mark.parametrize(
    ("template", "path", "raw"),
    [
        ("/a/{x}", "/a/1%2C2,3", "1%2C2,3"),
        ("/a/{x}", "/a/1,2", "1,2"),
        ("/a{x}", "/a.%2e,b%2Cc", "..,b%2Cc"),
        ("/a({x})", "/a%281%2C2%29", "1%2C2"),
    ],
)
def test_a_value_knows_how_it_was_written(template: str, path: str, raw: str) -> None:
    route = routed([template], path)

    assert route is not None
    assert getattr(route[1]["x"], "raw", route[1]["x"]) == raw
