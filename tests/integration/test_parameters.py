"""Parameters, from the wire to the responder."""

import httpx
import pytest


async def test_delimiters_and_data_stay_apart(api: httpx.AsyncClient) -> None:
    response = await api.get(
        "/probe/read/a%2Cb,c%2Fd/;report-format=x;report%2Dformat=y%3Bz"
        "?listed=a%2Cb,c+d,%2B&where[n]=1&where%5Bs%5D=%5B",
        headers={"X-Listed": "a%2Cb, c", "Cookie": 'listed="a%2Cb,c"'},
    )

    assert response.json() == {
        "class_": ["a,b", "c/d"],
        "report_format": ["x", "y;z"],
        "listed": ["a,b", "c d", "+"],
        "where": {"n": 1, "s": "["},
        "x_listed": ["a%2Cb", "c"],
        "listed_cookie": ["a,b", "c"],
        "arguments": [["a,b", "c/d"], ["x", "y;z"]],
    }


@pytest.mark.parametrize(
    ("path", "pointer", "code"),
    [
        ("/probe/read/a/;report-format=x?listed=a&other=1", "/other", "unknown"),
        ("/probe/read/a/;report-format=x?where[n]=1&where[n]=2", "/where/n", "repeated"),
        ("/probe/read/a/x", "/report-format", "style"),
    ],
)
async def test_what_the_contract_does_not_know_is_refused(
    api: httpx.AsyncClient, path: str, pointer: str, code: str
) -> None:
    response = await api.get(path)

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]
