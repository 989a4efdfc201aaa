"""The shop and its far side for every guarantee."""

from tests.guarantees.world import each_world, ghala, world

__all__ = ["each_world", "ghala", "world"]
