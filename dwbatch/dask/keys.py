"""The key on a worker: its own, or lent by a plugin; never in a graph, a log or the dashboard."""

import os
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin

from dwbatch.errors import CredentialsError
from dwbatch.wire.credentials import find_key, fingerprint, refuse_unsendable

PLUGIN = "dwbatch-key"


class KeyPlugin(WorkerPlugin):  # type: ignore[misc] # Dask is typed in parts, and counts as Any
    """Lends a key to the workers of a cluster, those that join later included.

    Not needed where workers have ``DOUBLEWORD_API_KEY`` in their environment, as those of a `LocalCluster` have
    that was started where it is set. The key travels to scheduler and workers by the cluster's own
    connections, so these should be encrypted (``tls://``).

    Parameters
    ----------
    api_key : str

    Examples
    --------
    >>> client.register_plugin(dwbatch.dask.KeyPlugin("sk-…"))  # doctest: +SKIP
    """

    name = PLUGIN
    idempotent = False

    def __init__(self, api_key: str) -> None:
        self._key = refuse_unsendable(api_key, found_in="KeyPlugin")

    def __repr__(self) -> str:
        return "KeyPlugin(…)"

    def key(self) -> str:
        """The key."""
        return self._key


def key_here(server: str, *, worker: Any = None) -> str | None:
    """The key that this worker has for a server.

    Parameters
    ----------
    server : str
        Identity of the server.
    worker : distributed.Worker, optional
        Whose plugin may lend one.

    Raises
    ------
    CredentialsError
        If there is none.
    """
    plugin = None if worker is None else worker.plugins.get(PLUGIN)
    lent = None if plugin is None else plugin.key()
    return find_key(lent, base_url=server, environ=os.environ, home=Path.home())


def refuse_another(key: str | None, account: str | None, *, where: str) -> None:
    """Refuse a key that is not the one of the call, which a worker knows by its fingerprint alone.

    Raises
    ------
    CredentialsError
    """
    found = None if key is None else fingerprint(key)
    if found == account:
        return
    has = "no key" if key is None else "another key than the call"
    if account is None:
        has = "a key, and the call has none"
    raise CredentialsError(
        f"The worker {where} has {has}. Set DOUBLEWORD_API_KEY in the environment of the workers, or say "
        "client.register_plugin(dwbatch.dask.KeyPlugin(…)). Nothing was sent by it."
    )
