"""The forms in plain data, both ways: of calls, decisions, records and whole directories.

Plain data are dicts, lists, text, integers, truth values and `None`: what JSON can say, and no text yet. What comes out
is made anew and may be changed; what goes in is read strictly, and an error names the place. `neo_routing` has the
public names.
"""
