"""A scheduler and a worker in processes of their own, as on a real cluster; either may be killed and started anew."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kills.faulty import KILL
from tests.waiting import until

THREADS = 2


class Apart:
    """A cluster that outlives neither its scheduler nor a ``with`` statement.

    Parameters
    ----------
    folder : Path
        Where its worker puts files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        """Where the scheduler is, killed or not."""
        return f"tcp://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start a scheduler where the last one was, and a worker of it."""
        here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
        folder = ["--local-directory", str(self._folder)]
        self._start("dask_scheduler", *here, "--port", self._port)
        until(self._answers)
        self._start("dask_worker", self.address, *here, *folder, "--no-nanny", "--nthreads", str(THREADS))

    def _answers(self) -> bool:
        with socket.socket() as door:
            return door.connect_ex(("127.0.0.1", int(self._port))) == 0

    def _start(self, program: str, *arguments: str) -> None:
        said = (self._folder / f"{program}.log").open("ab")
        with said:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", f"distributed.cli.{program}", *arguments], stdout=said, stderr=said
                )
            )

    def kill_scheduler(self) -> None:
        """Kill the scheduler as the kernel would, and its worker, which would end once its errands have."""
        for each in self._processes[-2:]:
            os.kill(each.pid, KILL)
            each.wait(60)

    def kill(self) -> None:
        """End every process."""
        for each in self._processes:
            if each.poll() is None:
                each.kill()
            each.wait(60)
