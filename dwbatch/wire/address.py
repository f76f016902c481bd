"""Where the server is: one spelling for each address, and none that would carry a key in the clear."""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from dwbatch.errors import InputError

DEFAULT_BASE_URL = "https://api.doubleword.ai/v1"

# The server that others start on this machine. It has no address until then,
# so the word itself passes through here.
LOCAL = "local"

_DEFAULT_PORTS = {"http": 80, "https": 443}

# Parsers disagree about backslashes, spaces and escapes in a host; a host
# without any of them is the same host to every parser.
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?\Z")
_PATH = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:@/-]*\Z")


def find_base_url(base_url: str | None, environ: Mapping[str, str]) -> str:
    """Base URL of this call: the argument, else ``DOUBLEWORD_BASE_URL``, else the hosted service.

    Parameters
    ----------
    base_url : str, optional
        What the user gave.
    environ : mapping of str to str
        Environment variables.

    Returns
    -------
    str
        As `normalise` writes it.

    Raises
    ------
    InputError
        If the address cannot be used; see `normalise`.
    """
    if base_url is not None:
        return normalise(base_url)
    return normalise(environ.get("DOUBLEWORD_BASE_URL") or DEFAULT_BASE_URL)


def normalise(base_url: str) -> str:
    """One spelling for each address, so that it can stand in a recipe hash.

    Parameters
    ----------
    base_url : str
        Address of the API, its version path included, or the word ``local``.

    Returns
    -------
    str
        Scheme and host in lower case, without default port and trailing slash; ``local`` unchanged.

    Raises
    ------
    InputError
        If it is no http(s) address, carries a password, a query or a fragment, or is plain http to
        another machine. A password or a query is not repeated in the message.

    Examples
    --------
    >>> normalise("HTTPS://API.Doubleword.ai:443/v1/")
    'https://api.doubleword.ai/v1'
    """
    if base_url == LOCAL:
        return LOCAL
    parts, port = _split(base_url.strip())
    host = parts.hostname or ""
    if parts.scheme == "http" and not _is_loopback_host(host):
        raise InputError.nothing_sent(
            f"base_url would send the key and every prompt to {host!r} unencrypted: "
            "write 'https://' (plain http is for this machine alone: localhost, 127.0.0.1 or [::1])."
        )
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{shown_host}{shown_port}{parts.path.rstrip('/')}"


def is_loopback(base_url: str) -> bool:
    """Whether the address is on this machine; the word ``local`` is.

    Parameters
    ----------
    base_url : str
        As `normalise` writes it.
    """
    return base_url == LOCAL or _is_loopback_host(urlsplit(base_url).hostname or "")


def origin(base_url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a base URL: whom a key would be shown to.

    Parameters
    ----------
    base_url : str
        As `normalise` writes it.
    """
    parts = urlsplit(base_url)
    return parts.scheme, parts.hostname or "", parts.port


def _split(base_url: str) -> tuple[SplitResult, int | None]:
    example = f"a base URL looks like {DEFAULT_BASE_URL!r}"
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise InputError.nothing_sent(f"base_url is not an address ({error}): {example}.") from None
    if "@" in parts.netloc:
        raise InputError.nothing_sent(
            "base_url holds a user name or a password: take it out, and give the key as api_key."
        )
    if parts.scheme not in _DEFAULT_PORTS:
        raise InputError.nothing_sent(
            f"base_url does not begin with 'https://': {example}, or is the word {LOCAL!r}."
        )
    if parts.query or parts.fragment:
        raise InputError.nothing_sent(f"base_url holds a '?' or a '#': {example}.")
    if not _PATH.match(parts.path):
        raise InputError.nothing_sent(f"base_url holds a character that cannot stand in a path: {example}.")
    host = parts.hostname or ""
    if not _NAME.match(host) and not _is_address(host):
        raise InputError.nothing_sent(
            f"base_url has no host that can be looked up ({host!r}): {example}; "
            "a name outside ASCII is written in its 'xn--' form."
        )
    return parts, port


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback_host(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
