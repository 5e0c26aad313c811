"""Modules that talk to other machines, or wait for them."""

from __future__ import annotations

from sparkbed.playbook.modules.base import ATTRIBUTES, ModuleSpec, Option

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
            "validate_certs": Option("bool", default=True),
            "use_proxy": Option("bool", default=True),
            "url_username": Option("str", aliases=("user",)),
            "url_password": Option("str", aliases=("password",)),
            "force_basic_auth": Option("bool", default=False),
            "http_agent": Option("str"),
            "dest": Option("path"),
            "creates": Option("path"),
            "removes": Option("path"),
            **ATTRIBUTES,
        },
        check="skipped",
        exclusive=(("body", "src"),),
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
        },
        check="skipped",
        exclusive=(("port", "path"),),
    ),
]
