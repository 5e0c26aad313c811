"""What runs on the hosts: standard library only, Python 3.6 and later, small, because it is streamed each time.

Annotations are quoted and `typing` is not imported: both would cost start-up time on every host. A module of ours that
a play does not use is sent, but never compiled (see `sparkbed.agent.program`).
"""
