"""The shop and its far side for every guarantee."""

from tests.guarantees.world import ghala, world

__all__ = ["ghala", "world"]
