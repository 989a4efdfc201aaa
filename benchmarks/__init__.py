"""How fast the shop is: real processes under a load of their own, printed as medians and spreads.

Outside the house like ``chaos``, whose processes and servers it starts. A figure never passes or fails.
"""
