"""Synthetic conversations with a known truth."""
