"""Modules that talk to other machines, or wait for them."""

from __future__ import annotations

from sparkbed.playbook.modules.base import ATTRIBUTES, ModuleSpec, Option

_REQUEST = {
    "force": Option("bool", default=False),
    "force_basic_auth": Option("bool", default=False),
    "validate_certs": Option("bool", default=True),
    "use_proxy": Option("bool", default=True),
    "use_netrc": Option("bool", default=True),
    "http_agent": Option("str"),
    "client_cert": Option("path"),
    "client_key": Option("path"),
    "ciphers": Option("list"),
    "unredirected_headers": Option("list"),
}

NETWORK = [
    ModuleSpec(
        "uri",
        {
            "url": Option("str", required=True),
            "method": Option("str", default="GET"),
            "body": Option("raw"),
            "body_format": Option(default="raw", choices=("form-urlencoded", "json", "raw")),
            "src": Option("path"),
            "status_code": Option("list", default=[200]),
            "return_content": Option("bool", default=False),
            "headers": Option("dict"),
            "timeout": Option("int", default=30),
            "follow_redirects": Option(default="safe", choices=("all", "no", "none", "safe", "urllib2", "yes")),
            "remote_src": Option("bool", default=False),
            "url_username": Option("str", aliases=("user",)),
            "url_password": Option("str", aliases=("password",)),
            "ca_path": Option("path"),
            **_REQUEST,
            "dest": Option("path"),
            "creates": Option("path"),
            "removes": Option("path"),
            **ATTRIBUTES,
        },
        runs_on="controller",
        loops_together=False,
        check="skipped",
        exclusive=(("body", "src"),),
    ),
    ModuleSpec(
        "get_url",
        {
            "url": Option("str", required=True),
            "dest": Option("path", required=True),
            "checksum": Option("str", default=""),
            "headers": Option("dict"),
            "timeout": Option("int", default=10),
            "tmp_dest": Option("path"),
            "backup": Option("bool", default=False),
            "decompress": Option("bool", default=True),
            "url_username": Option("str", aliases=("username",)),
            "url_password": Option("str", aliases=("password",)),
            "unsafe_writes": Option("bool", default=False),
            **_REQUEST,
            **ATTRIBUTES,
        },
    ),
    ModuleSpec(
        "wait_for",
        {
            "host": Option("str", default="127.0.0.1"),
            "port": Option("int"),
            "path": Option("path"),
            "state": Option(default="started", choices=("absent", "drained", "present", "started", "stopped")),
            "search_regex": Option("str"),
            "timeout": Option("int", default=300),
            "connect_timeout": Option("int", default=5),
            "delay": Option("int", default=0),
            "sleep": Option("int", default=1),
            "msg": Option("str"),
            "exclude_hosts": Option("list"),
            "active_connection_states": Option("list"),
        },
        check="skipped",
        exclusive=(("port", "path"),),
    ),
]
