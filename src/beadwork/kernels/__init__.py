"""Algorithms on arrays: a plain NumPy definition, and a compiled twin where a profile asked for one."""
