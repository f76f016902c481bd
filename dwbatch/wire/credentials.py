"""Whose key goes to which server, and where it is found."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dwbatch.errors import CredentialsError, InputError
from dwbatch.wire.address import DEFAULT_BASE_URL, LOCAL, is_loopback, normalise, origin

_SENDABLE = re.compile(r"[!-~]+\Z")


def find_key(api_key: str | None, *, base_url: str, environ: Mapping[str, str], home: Path) -> str | None:
    """The key for a server: the argument, else ``DOUBLEWORD_API_KEY``, else what ``dw login`` stored.

    Parameters
    ----------
    api_key : str, optional
        What the user gave.
    base_url : str
        As `dwbatch.wire.address.normalise` writes it, or ``local``.
    environ : mapping of str to str
        Environment variables. ``OPENAI_API_KEY`` is never looked at: it belongs to somebody else.
    home : Path
        Folder that holds ``.dw/credentials.toml``.

    Returns
    -------
    str or None
        None only for a server on this machine, which needs none.

    Raises
    ------
    CredentialsError
        If there is no key, if it cannot stand in a header, or if the stored accounts cannot be
        read. The key itself is in none of the messages.

    Notes
    -----
    The stored key belongs to the server that the ``dw`` command line is set to (``servers.ai`` in
    ``~/.dw/config.toml``, else the hosted service). It is used only for that scheme, host and port,
    never for another ``base_url``, and never on loopback: whoever sets ``base_url`` to a server of
    somebody else must not hand it this account. An argument or the variable is the user's own
    word, and goes wherever the call goes, save that ``local`` takes no key from the environment.
    """
    if api_key is not None:
        return refuse_unsendable(api_key, found_in="api_key")
    if base_url == LOCAL:
        return None
    if from_environ := environ.get("DOUBLEWORD_API_KEY"):
        return refuse_unsendable(from_environ, found_in="DOUBLEWORD_API_KEY")
    if is_loopback(base_url):
        return None
    return _stored_key(home / ".dw", base_url)


def refuse_unsendable(key: str, *, found_in: str) -> str:
    """The same key, if it can stand in a header as it is.

    Raises
    ------
    CredentialsError
        If it is empty or holds anything but printable ASCII; a line break would even end the
        header. The message does not show it.
    """
    if _SENDABLE.match(key):
        return key
    what = "is empty" if not key else "holds a space, a line break or another character that no key has"
    raise CredentialsError(f"The key in {found_in} {what}: copy it again. Nothing was sent.")


def fingerprint(key: str) -> str:
    """A short hash that tells two keys apart and gives neither away.

    Examples
    --------
    >>> fingerprint("sk-invented")
    '59a165e6babcbe44'
    """
    return hashlib.blake2b(key.encode(), digest_size=8, person=b"dwbatch key").hexdigest()


def _stored_key(folder: Path, base_url: str) -> str:
    config_path, accounts_path = folder / "config.toml", folder / "credentials.toml"
    config = _read_toml(config_path)
    home_server = _table(config, "servers").get("ai") or DEFAULT_BASE_URL
    try:
        home_origin = origin(normalise(str(home_server)))
    except InputError as error:
        raise CredentialsError(f"{str(config_path)!r} has a wrong servers.ai: {error}") from error
    if home_origin != origin(base_url):
        raise CredentialsError(
            f"No key for {base_url!r}: pass api_key or set DOUBLEWORD_API_KEY (a key stored by "
            f"'dw login' is used for {home_server!r} alone), or use base_url='local', which needs "
            "none. Nothing was sent."
        )
    accounts = _table(_read_toml(accounts_path), "accounts")
    key = _active(accounts, config.get("active_account"), accounts_path).get("inference_key")
    if isinstance(key, str) and key:
        return refuse_unsendable(key, found_in=str(accounts_path))
    raise CredentialsError(
        f"No key found: pass api_key, or set DOUBLEWORD_API_KEY, or run 'dw login', which stores one in "
        f"{str(accounts_path)!r}; or use base_url='local', which needs none. Nothing was sent."
    )


def _active(accounts: Mapping[str, Any], wanted: object, path: Path) -> Mapping[str, Any]:
    tables = {name: account for name, account in accounts.items() if isinstance(account, dict)}
    if not isinstance(wanted, str) or not wanted:
        only = next(iter(tables.values())) if len(tables) == 1 else {}
        return tables.get("default", only)
    for name, account in tables.items():
        if name.casefold() == wanted.casefold():
            return account
    for account in tables.values():
        if str(account.get("display_name", "")).casefold() == wanted.casefold():
            return account
    raise CredentialsError(
        f"The active account {wanted!r} is not in {str(path)!r}, which has {sorted(tables)}: run "
        "'dw login', or pass api_key. Nothing was sent."
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = str(error)
    # Outside the except block, so that no chain leads to the parser's frames,
    # which hold the text of the file, keys and all.
    raise CredentialsError(
        f"{str(path)!r} cannot be read ({reason}): mend it, or pass api_key, or set DOUBLEWORD_API_KEY. "
        "Nothing was sent."
    )


def _table(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}
