"""Times as Ansible's results have them, without the module datetime: loading that costs an agent 2 ms."""

import time


def moment(seconds: float) -> str:
    """A time since the epoch as local date and time, to the microsecond."""
    whole, micro = divmod(round(seconds * 1e6), 1_000_000)
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(whole)) + f".{micro:06}"


def span(seconds: float) -> str:
    """A duration as hours, minutes and seconds, after the days if there are any."""
    whole, micro = divmod(max(0, round(seconds * 1e6)), 1_000_000)
    days, rest = divmod(whole, 86_400)
    ahead = "" if not days else "1 day, " if days == 1 else f"{days} days, "
    return f"{ahead}{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}.{micro:06}"
