"""The conversation: a pure flow of states, texts per language, and the thin shell that runs them."""
