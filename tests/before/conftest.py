from tests.api.conftest import _alone, run

__all__ = ["_alone", "run"]
