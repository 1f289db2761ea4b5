"""Figures, ours and the rivals' side by side; each module is a command of its own."""
