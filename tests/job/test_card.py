"""A job as a card in a notebook, and as a few lines in a terminal."""

import re
import sys
from types import ModuleType, SimpleNamespace

import pytest

from dwbatch.local import Server
from tests.job.holding import Model, options, still, submit, until_answered


class Kernel:
    """IPython, as far as a card sees it."""

    def __init__(self) -> None:
        self.cards: list[str] = []

    def get_ipython(self) -> object:
        """A shell that has a kernel."""
        return SimpleNamespace(kernel=object())

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand in for the modules that a running notebook has."""
        outer, inner = ModuleType("IPython"), ModuleType("IPython.display")
        vars(outer).update(get_ipython=self.get_ipython, display=inner)
        vars(inner).update(HTML=str, display=self.display)
        monkeypatch.setitem(sys.modules, "IPython", outer)
        monkeypatch.setitem(sys.modules, "IPython.display", inner)

    def display(self, card: str, *, display_id: bool) -> object:
        """Show the first card; the others take its place."""
        assert display_id
        self.cards.append(card)
        return SimpleNamespace(update=self.cards.append)


def words(card: str) -> str:
    """What a card says, without its looks."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", card, flags=re.DOTALL))


def test_a_card_says_how_far_the_job_is_and_what_to_do_next(server: Server, model: Model) -> None:
    job = submit(server)
    until_answered(server, 2)

    running = words(job._repr_html_())
    model.may_answer.set()
    job.wait(progress=False)
    done = words(job._repr_html_())

    assert "Running" in running
    assert "2 of 3 requests, 1 failed" in running
    assert "job.cancel() stops the spending" in running
    assert "Done" in done
    assert "job.retry() asks them again" in done


def test_a_card_is_drawn_without_the_server_as_well(server: Server) -> None:
    job = submit(server)
    server.stop()

    assert "the server could not be asked" in words(job._repr_html_())


def test_a_card_runs_no_script_and_loads_nothing(server: Server) -> None:
    card = submit(server, name="a")._repr_html_()

    assert "<script" not in card
    assert "http" not in card
    assert "prefers-color-scheme:dark" in card
    assert "--jp-layout-color1" in card


def test_what_is_shown_is_escaped(server: Server) -> None:
    card = submit(server, checkpoint="<b>job")._repr_html_()

    assert "<b>job" not in card
    assert "&lt;b&gt;job" in card


def test_a_notebook_that_waits_sees_the_card_change_in_place(
    monkeypatch: pytest.MonkeyPatch, server: Server, model: Model
) -> None:
    kernel = Kernel()
    kernel.install(monkeypatch)
    job = still(server, meanwhile=model.may_answer.set)

    job.wait()

    assert len(kernel.cards) > 1
    assert "2 of 3 requests" in words(kernel.cards[-1]) or "3 of 3 requests" in words(kernel.cards[-1])
    assert "Done" in words(kernel.cards[-1])


def test_without_a_notebook_nobody_looks_for_one(
    server: Server, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another test of this process may have had one.
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    model.may_answer.set()

    submit(server).wait(progress=False)

    assert "IPython" not in sys.modules


def test_a_terminal_gets_a_few_lines(server: Server, model: Model) -> None:
    model.may_answer.set()
    job = still(server)
    job.wait(progress=False)

    told = repr(job).splitlines()

    assert told[0].startswith("Job('")
    assert told[1] == "state       done: everything is over and fetched"
    assert told[-1].startswith("next        job.result()")
    assert str(options(server)["base_url"]) not in repr(job)
