"""Payment gateways: one module each, one line each in ``app.gateways``."""
