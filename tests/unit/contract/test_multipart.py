"""Multipart bodies (RFC 7578; RFC 2046, section 5.1): what is one, and what the worst of them cost."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tbg.contract.forms import Form
from tbg.contract.uploads import Disk
from tests.unit.contract.support import Document, Service, body, document, load, multipart, operation, part, serve

MULTIPART = "multipart/form-data"
ANY: Document = {"type": "object"}


def service(folder: Path, schema: Document = ANY) -> Service:
    return serve(load(folder, document({"/act": {"post": operation(requestBody=body(schema, MULTIPART))}})))


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Serve a form that may hold anything."""
    return service(tmp_path_factory.mktemp("contract"))


def send(tested: Service, sent: bytes, boundary: str = "edge") -> Any:  # noqa: ANN401 - Falcon's result
    return tested.send("POST", body=sent, headers={"Content-Type": f"{MULTIPART}; boundary={boundary}"})


A = part("a", "1")


@pytest.mark.parametrize(
    "sent",
    [
        A + b"--edge--",
        A + b"--edge--\r\n",
        b"\r\n" + multipart(A),
        b"This is a preamble.\r\n" + multipart(A),
        multipart(A) + b"This is an epilogue.\r\n--edge\r\nno part",
        multipart(b"--edge\r\ncontent-disposition:form-data;name=a\r\n\r\n1\r\n"),
        multipart(b'--edge\r\nContent-Disposition: FORM-DATA; Name="a"\r\n\r\n1\r\n'),
        multipart(b'--edge\r\nContent-Disposition: form-data;\r\n name="a"\r\n\r\n1\r\n'),
        multipart(part("a", "1", "Content-Length: 1")),
    ],
)
def test_a_body_may_be_written_untidily(tested: Service, sent: bytes) -> None:
    assert send(tested, sent).json["media"] == {"a": "1"}


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        ("", ""),
        ("\r\n", "\r\n"),
        ("a\r\n", "a\r\n"),
        ("\r\n--edg", "\r\n--edg"),
        ("--edge", "--edge"),
        ("\n--edge", "\n--edge"),
    ],
)
def test_the_data_of_a_part_is_what_stands_between_its_boundaries(tested: Service, data: str, sent: str) -> None:
    assert send(tested, multipart(part("a", sent))).json["media"] == {"a": data}


def test_a_form_may_be_empty(tested: Service) -> None:
    assert send(tested, b"--edge--\r\n").json["media"] == {}


@pytest.mark.parametrize("boundary", ["x" * 70, '"a b"', "'()+_,-./:=?", '"quoted"'])
def test_a_boundary_has_70_characters_at_most(tested: Service, boundary: str) -> None:
    """And only some (RFC 2046, section 5.1.1)."""
    sent = multipart(A).replace(b"edge", boundary.strip('"').encode())

    assert send(tested, sent, f'"{boundary}"' if boundary[0] != '"' else boundary).status_code == 200


@pytest.mark.parametrize("boundary", ["", '""', "x" * 71, '"a "', '"a\\\\b"', "é", '"a;b"'])
def test_another_boundary_is_malformed(tested: Service, boundary: str) -> None:
    result = send(tested, multipart(A), boundary)

    assert result.status_code == 400
    assert result.json == {"detail": "The boundary of the multipart body is missing or not valid"}


@pytest.mark.parametrize(
    "sent",
    [
        b"nothing",
        b"--edge",
        b"--edge\r\n",
        A,  # without the last boundary
        A + b"--edge",
        A + b"--edge-",
        multipart(A).replace(b"\r\n", b"\n"),
        multipart(A).replace(b"\r\n", b"\r"),
        multipart(b"--edge\r\n\r\n1\r\n"),
        multipart(b"--edge\r\nContent-Type: text/plain\r\n\r\n1\r\n"),
        multipart(b"--edge\r\nContent-Disposition: form-data\r\n\r\n1\r\n"),
        multipart(b'--edge\r\nContent-Disposition: form-data; name=""\r\n\r\n1\r\n'),
        multipart(b'--edge\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n'),
        multipart(b'--edge\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n'),
        multipart(b"--edge\r\nContent-Disposition: form-data; name*=UTF-8''a\r\n\r\n1\r\n"),
        multipart(part("a", "1", 'Content-Disposition: form-data; name="b"')),
        multipart(part("a", "1", "Content-Type: text/plain", "content-type: text/html")),
        multipart(part("a", "1", "no header")),
        multipart(part("a", "1", "Bad Name: 1")),
        multipart(part("a", "1", "Content-Length: 2")),
        multipart(part("a", "1", *(f"X-{number}: 1" for number in range(16)))),
        multipart(part("a", "1", "X: " + "x" * 4096)),
        multipart(part("a" * 5000, "1")),
        multipart(A, b"--edge  \r\n" + A.removeprefix(b"--edge\r\n")),
    ],
)
def test_another_body_is_malformed(tested: Service, sent: bytes) -> None:
    result = send(tested, sent)

    assert result.status_code == 400, result.text
    assert result.json.keys() == {"detail"}


def test_a_nested_multipart_is_one_part(tmp_path: Path) -> None:
    """RFC 7578, section 4.3 deprecates it."""
    inner = b"--inner\r\nContent-Disposition: file\r\n\r\n1\r\n--inner--"
    file = {"type": "string", "format": "binary", "maxLength": len(inner)}
    tested = service(tmp_path, {"type": "object", "properties": {"f": file}})

    assert send(tested, multipart(part("f", inner, "Content-Type: multipart/mixed; boundary=inner"))).status_code == 200


@pytest.mark.parametrize("size", [1, 2, 3, 7, 30])
def test_it_does_not_matter_how_a_body_is_cut(tmp_path: Path, size: int) -> None:
    contract = load(tmp_path, document({"/act": {"post": operation(requestBody=body(ANY, MULTIPART))}}))
    media = contract.document.spec / "paths" / "/act" / "post" / "requestBody" / "content" / MULTIPART
    sent = b"preamble\r\n" + multipart(part("a", "\r\n--edg\r\n"), part("b", "\r"), part("a", "")) + b"epilogue"
    reading = Form(contract.document.spec, MULTIPART, media).receive("", {"boundary": "edge"}, Disk(), 1000)
    for start in range(0, len(sent), size):
        reading.take(sent[start : start + size])

    assert reading.finish() == ({"a": ["\r\n--edg\r\n", ""], "b": "\r"}, ())


# What costs a parser time. The size is in bytes.

_BEGIN = b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "CR": lambda size: _BEGIN + b"\r" * size + b"\r\n--edge--",
    "LF": lambda size: _BEGIN + b"\n" * size + b"\r\n--edge--",
    "lines": lambda size: _BEGIN + b"a\n" * (size // 2) + b"\r\n--edge--",
    "beginnings of a boundary": lambda size: _BEGIN + b"\r\n--edg" * (size // 7) + b"\r\n--edge--",
    "boundaries": lambda size: b"--edge\r\n" * (size // 8),
    "boundaries behind a part": lambda size: _BEGIN + b"\r\n--edge" * (size // 8),
    "a preamble of CR": lambda size: b"\r" * size,
    "a preamble of dashes": lambda size: b"-" * size,
    "headers": lambda size: b"--edge\r\n" + b"a: b\r\n" * (size // 6),
    "one header": lambda size: b"--edge\r\na: " + b"b" * size,
    "folded headers": lambda size: b"--edge\r\na: b" + b"\r\n c" * (size // 4),
    "parameters": lambda size: b"--edge\r\nContent-Disposition: form-data" + b"; a=b" * (size // 5) + b"\r\n\r\n",
    "quotes": lambda size: b'--edge\r\nContent-Disposition: form-data; name="' + b'\\"' * (size // 2) + b"\r\n\r\n",
    "parts": lambda size: (_BEGIN + b"\r\n") * (size // len(_BEGIN)),
    "an epilogue": lambda size: multipart(A) + b"\r\n--edge\r\n" * (size // 10),
    "nested": lambda size: b"".join(
        f"--edge{i}\r\nContent-Type: multipart/mixed; boundary=edge{i + 1}\r\n\r\n".encode() for i in range(size // 65)
    ).replace(b"--edge0", b"--edge", 1),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_body_costs_time_in_proportion_to_its_size(tested: Service, kind: str) -> None:
    sizes = (200_000, 800_000)
    seconds = []
    for size in sizes:
        sent = HOSTILE[kind](size)
        times = []
        for _ in range(3):
            started = time.process_time()
            result = send(tested, sent)
            times.append(time.process_time() - started)
            assert result.status_code in {200, 400}
        seconds.append(min(times))

    assert seconds[1] < 8 * seconds[0] + 0.05  # four times as much; the rest is noise
    assert seconds[1] < 2


def test_many_parts_cost_little(tested: Service) -> None:
    """A thousand is the most."""
    sent = multipart(*(part(f"f{number}", "1") for number in range(1000)))
    started = time.process_time()

    assert send(tested, sent).status_code == 200
    assert time.process_time() - started < 1
