"""Every example in a docstring does what it shows."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import dwbatch

MODULES = ["dwbatch", *(module.name for module in pkgutil.walk_packages(dwbatch.__path__, "dwbatch."))]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_do_what_they_show(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))

    assert outcome.failed == 0


def test_the_walk_meets_every_file_of_the_package() -> None:
    house = Path(dwbatch.__file__).parent
    files = {
        ".".join(path.relative_to(house.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in house.rglob("*.py")
    }

    assert set(MODULES) == files
