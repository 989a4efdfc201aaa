"""Chaos: the shop as real processes under steady load, while one thing after the other is broken on purpose.

Meets the shop over HTTP, SQL and signals only; imports no room. ``python -m chaos`` (``make chaos``).
"""
