"""A dry run: every call that provisioning would make, printed; what only looks is asked, what changes is not.

It stands between boto3 and the wire, so parameters have passed boto3's own checks. Where the endpoint knows dry runs,
it is asked too whether it would do what is asked of it (the account's permissions, above all).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sparkbed.provision.base import Say

READING = ("Describe", "Get", "List")
ASKED = ("ImportKeyPair", "CreateSecurityGroup", "RunInstances")
"""What the endpoint is asked about. The rest names things that are not made yet."""
NOT_YET = ("KeyName", "SecurityGroupIds")
"""What a launch names that a dry run has not made."""
SECRET = ("UserData", "PublicKeyMaterial")
GROUP = "sg-made-above"


@dataclass(frozen=True)
class _Answered:
    """All that boto3 looks at in an HTTP answer."""

    status_code: int = 200


class Rehearsal:
    """Watches a client: `Api(..., watch=rehearsal.watch)`. `asks` says whether the endpoint knows dry runs."""

    def __init__(self, say: Say, asks: bool) -> None:
        self._say = say
        self._asks = asks
        self.refused: list[str] = []

    def watch(self, client: Any) -> None:
        events = client.meta.events

        def note(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            context["sparkbed"] = dict(params)

        def answer(model: Any, context: dict[str, Any], **_: Any) -> tuple[_Answered, dict[str, Any]] | None:
            params = context.get("sparkbed", {})
            if params.get("DryRun"):
                return None
            self._say(f"{model.service_model.service_name} {model.name} {shown(params)}")
            if model.name.startswith(READING):
                return None
            if self._asks and model.name in ASKED:
                self._ask(client, model.name, params)
            return _Answered(), {**made_up(model.name, params), "ResponseMetadata": {}}

        events.register("before-parameter-build", note)
        events.register("before-call", answer)

    def _ask(self, client: Any, name: str, params: Mapping[str, Any]) -> None:
        from botocore import xform_name
        from botocore.exceptions import ClientError

        known = {key: value for key, value in params.items() if key not in NOT_YET or name != "RunInstances"}
        try:
            getattr(client, xform_name(name))(**known, DryRun=True)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "DryRunOperation":
                self._say("  the endpoint says that it would do so")
                return
            self.refused.append(f"{name}: {code}: {error.response['Error'].get('Message', '')}")
            self._say(f"  the endpoint would refuse: {self.refused[-1]}")


def shown(params: Mapping[str, Any]) -> str:
    """A call's parameters in one line of JSON; of user data, which holds a private key, only the length."""
    public = {
        key: f"({len(value)} bytes)" if key in SECRET and isinstance(value, (str, bytes)) else value
        for key, value in params.items()
    }
    return json.dumps(public, default=str)


def made_up(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """An answer such as the call would have, for the calls after it."""
    if name == "CreateSecurityGroup":
        return {"GroupId": GROUP}
    if name != "RunInstances":
        return {}
    from datetime import datetime, timezone

    now = datetime.now(timezone.utc)
    tags = [tag for one in params["TagSpecifications"] if one["ResourceType"] == "instance" for tag in one["Tags"]]
    return {
        "Instances": [
            {
                "InstanceId": f"i-made-above-{index}",
                "State": {"Name": "pending"},
                "InstanceType": params["InstanceType"],
                "ImageId": params["ImageId"],
                "AmiLaunchIndex": index,
                "LaunchTime": now,
                "Tags": tags,
            }
            for index in range(params["MaxCount"])
        ]
    }
