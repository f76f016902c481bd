from tests.api.conftest import _alone

__all__ = ["_alone"]
