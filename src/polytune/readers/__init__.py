"""Readers: every text and table that comes from outside is read here, in one way.

What is read is plain values (text, numbers, lists, mappings); what cannot be read is an `InputError` in one line with
file, place and remedy, whatever the library below raises.
"""
