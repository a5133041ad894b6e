"""The cases of compare.py."""
