"""A stand-in Ghala on loopback, with WhatsApp phones in the browser and in the terminal.

It exists for trying the shop, for end-to-end tests and for benchmarks, and never runs in production.
It speaks to Duka over HTTP only and imports none of its rooms, so that a misreading of the contract
on our side is not repeated on this one.
"""
