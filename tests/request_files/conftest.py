from tests.api.conftest import _alone, server

__all__ = ["_alone", "server"]
