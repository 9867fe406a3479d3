"""Controllers of a simulated cluster: each brings objects to what their spec wants, in synchronous steps that one
engine task runs. A file per controller; none knows HTTP.
"""
