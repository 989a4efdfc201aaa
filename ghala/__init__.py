"""Ghala's wire and nothing else: what arrives, what leaves, and how each is proven.

Signatures, the strict JSON door, typed inbound events, outgoing message types with WhatsApp's limits, dialects (pure:
build a request, read an answer) and the HTTP clients. Imports no other room.
"""
