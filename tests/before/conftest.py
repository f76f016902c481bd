from tests.api.conftest import _alone, run, server

__all__ = ["_alone", "run", "server"]
