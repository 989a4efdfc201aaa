"""The whole shop in one thread on a virtual clock, from one seed: real code, simulated world, injected faults."""
