"""Duka on the engineer's own machine: installing, starting, stopping, resetting. Never part of the product."""
