"""Tables 1-7 of the paper as printed: rows, columns and numbers, the lists of their test sets, and how to read them.

Source: SPEC E3.
"""
