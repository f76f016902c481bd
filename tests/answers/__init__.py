"""Tests of the pure room that turns result lines into results."""
