"""Which server a call speaks to, with which key, under which identity."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import requests

from dwbatch.errors import InputError
from dwbatch.wire.address import LOCAL, find_base_url
from dwbatch.wire.client import Client
from dwbatch.wire.credentials import find_key, fingerprint


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a server.

    Parameters
    ----------
    server : str
        Identity: the normalised address, or ``local`` whatever the port.
    key : str or None
        Never shown.
    session : requests.Session or None
        The user's own, for proxies and certificates.
    """

    server: str
    key: str | None = field(repr=False)
    session: requests.Session | None = field(default=None, repr=False)

    @property
    def account(self) -> str | None:
        """Fingerprint of the key."""
        return None if self.key is None else fingerprint(self.key)

    def client(self, *, pause: Callable[[float], None], stopping: threading.Event) -> Client:
        """A client; the local server is started or joined first."""
        relocate = _join if self.server == LOCAL else None
        return Client(
            relocate() if relocate else self.server,
            self.key,
            session=self.session,
            pause=pause,
            stopping=stopping,
            relocate=relocate,
        )


def find_server(
    base_url: str | None, api_key: str | None, session: requests.Session | None = None
) -> Connection:
    """Settle server and key from arguments, environment and stored accounts; nothing is sent.

    Raises
    ------
    InputError
        If the address cannot be used.
    CredentialsError
        If there is no key, or one that cannot be sent.
    """
    server = find_base_url(base_url, os.environ)
    key = find_key(api_key, base_url=server, environ=os.environ, home=_home())
    return Connection(server, key, session)


def without_key(base_url: str | None) -> Connection:
    """The server that a call is about which sends nothing: its name is part of the recipe.

    Raises
    ------
    InputError
        If the address cannot be used.
    """
    return Connection(find_base_url(base_url, os.environ), None)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        # No HOME and no account of that number, as in some containers.
        return Path()


def _join() -> str:
    try:
        from dwbatch.local import join  # noqa: PLC0415 - an extra, and slow to import: only whoever asks for it pays
    except ModuleNotFoundError as error:
        raise InputError.nothing_sent(
            f"base_url='local' needs the local server, and {error.name!r} is not installed. "
            "Install it with: pip install 'dwbatch[local]'."
        ) from error
    return join(local_store())


def local_store() -> Path:
    """Folder in which the local server of ``base_url="local"`` keeps its files and batches."""
    home = os.environ.get("DWBATCH_HOME")
    return (Path(home).expanduser() if home else Path.cwd() / ".dwbatch") / LOCAL
