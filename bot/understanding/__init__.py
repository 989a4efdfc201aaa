"""Making sense of what people type: words, numbers, product names, names, secrets. Pure."""
