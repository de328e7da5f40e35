"""The forms that `TBG_REDIS_URL` may have: one server, or several behind Sentinel or in a Cluster.

    redis://user:password@host:6379/0               one server; rediss:// with TLS, unix:///path
    redis+sentinel://…@host:26379,host/service/0    the master that these Sentinels name; rediss+sentinel:// with TLS
    redis+cluster://…@host:6379,host                a Cluster that these nodes know; rediss+cluster:// with TLS

The query says the rest in redis-py's words, such as `ssl_ca_certs`, and `sentinel_username` and `sentinel_password`.
"""

import re
from typing import Final, Literal
from urllib.parse import urlsplit

import attrs

_SEVERAL: Final = re.compile(
    r"(?P<scheme>rediss?)\+(?P<topology>sentinel|cluster)://"
    r"(?P<user>[^/?#]*@)?(?P<hosts>[^/?#@]+)(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?"
)
_PATHS: Final = {
    "sentinel": re.compile(r"/(?P<service>[A-Za-z0-9._-]+)(?:/(?P<database>[0-9]{1,9})?)?"),
    "cluster": re.compile(r"(?P<service>)/?(?P<database>0)?"),
}
_PORTS: Final = {"sentinel": 26379, "cluster": 6379}


@attrs.frozen
class RedisUrl:
    """Where Redis is.

    Attributes:
        servers: A URL that redis-py reads for each server that is named, with the same user, database and query.
        service: What the Sentinels call the master.
    """

    topology: Literal["one", "sentinel", "cluster"]
    servers: tuple[str, ...]
    service: str = ""


def parse_redis_url(url: str) -> RedisUrl:
    """Take a URL apart.

    Raises:
        ValueError: It has none of the forms.
    """
    match = _SEVERAL.fullmatch(url)
    if match is None:
        return RedisUrl("one", (_checked(url),))
    topology: Literal["sentinel", "cluster"] = "sentinel" if match["topology"] == "sentinel" else "cluster"
    path = _PATHS[topology].fullmatch(match["path"] or "")
    if path is None:
        raise ValueError("the path must be a service and a database with Sentinel, nothing with Cluster")
    end = f"/{path['database'] or 0}{match['query'] or ''}"
    start = f"{match['scheme']}://{match['user'] or ''}"
    hosts = [_with_port(host, _PORTS[topology]) for host in match["hosts"].split(",")]
    return RedisUrl(topology, tuple(_checked(start + host + end) for host in hosts), path["service"])


def is_redis_url(url: str) -> bool:
    """Tell whether a URL has one of the forms."""
    try:
        parse_redis_url(url)
    except ValueError:
        return False
    return True


def first_server(url: str) -> str:
    """Return any URL with only the first of the servers it names: `urlsplit` refuses some lists of hosts."""
    match = _SEVERAL.fullmatch(url)
    if match is None:
        return url
    first = match["hosts"].partition(",")[0]
    return url[: match.start("hosts")] + first + url[match.end("hosts") :]


def _with_port(host: str, port: int) -> str:
    return host if re.search(r":[^:\]]*$", host) else f"{host}:{port}"


def _checked(url: str) -> str:
    parts = urlsplit(url)
    parts.port  # noqa: B018 - reading it checks it
    host = parts.hostname or ""
    if parts.scheme == "unix" and parts.path:
        return url
    if parts.scheme not in {"redis", "rediss"} or not host or "," in host:
        raise ValueError("not the URL of one server")
    return url
