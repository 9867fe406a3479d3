"""A canary: a few per cent of the traffic try a new version, and numbers decide. Pure rules.

`shares` says what is reachable before anything is done; `statistics` and `judgement` compare new with old.
"""
