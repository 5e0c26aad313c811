"""The local EC2 endpoint: one background process per state folder.

client.py      the caller's side: `running(home)` finds the process or starts it
daemon.py      the process: `python -m sparkbed.provision.endpoint.daemon`
hook.py        WSGI in front of the emulated API: who may ask, and AWS's behaviour where the emulation differs
emulation.py   moto, and all that we touch of it
reconciler.py  gives every instance its node, and takes it away
state.py       what is written down: the truth after a crash
"""

from sparkbed.provision.endpoint.client import Endpoint, alive, clear_strays, running, wait_for_end, wanted

__all__ = ["Endpoint", "alive", "clear_strays", "running", "wait_for_end", "wanted"]
