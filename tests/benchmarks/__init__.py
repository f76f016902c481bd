"""Ratios, not times: what the library costs beside today's habit and beside the bytes alone, in one run."""
