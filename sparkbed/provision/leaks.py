"""What is on a cloud with our tags, and what of it nobody needs: found by tag alone, so no local state is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sparkbed.home import Home
from sparkbed.provision import tags
from sparkbed.provision.api import Api

FIRST_REGION = "us-east-1"
"""Whom AWS's list of regions is asked of where no inventory names one: every account has it."""
GONE = ("terminated", "closed", "cancelled", "failed", "deleted", "deleting")


@dataclass(frozen=True)
class Row:
    """One thing with our tags. `left`: why it is left over; empty where it is somebody's in use."""

    where: str
    what: str
    id: str
    deployment: str
    state: str
    left: str

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.where, self.what, self.id, self.deployment, self.state, self.left)


@dataclass(frozen=True)
class Leaks:
    """What was found, and where it was looked for."""

    asked: Sequence[str]
    rows: Sequence[Row]


def look(home: Home, known: Iterable[tuple[str, str]], regions: Sequence[str]) -> Leaks:
    """Asks every endpoint and region in `known`, and AWS's `regions` (`all`: every one that the account has).

    Raises:
        ProvisionError: when one can't be asked: silence would read as nothing there.
    """
    places = list(dict.fromkeys(known))
    apis: dict[str, Api] = {}
    named = [("aws", region) for region in regions if region != "all"]
    if "all" in regions:
        first = next((region for endpoint, region in (*places, *named) if endpoint == "aws"), FIRST_REGION)
        apis["aws"] = Api("aws", first, None)
        named += [("aws", region) for region in _every_region(apis["aws"])]
    places = list(dict.fromkeys((*places, *named)))
    mine = tags.home_id(home)
    rows = []
    for endpoint, region in places:
        api = apis.setdefault(endpoint, Api(endpoint, region, None))
        rows += _region(api, region, f"{endpoint} {region}", mine)
    return Leaks([f"{endpoint} {region}" for endpoint, region in places], rows)


def _every_region(api: Api) -> list[str]:
    with api.asking("looking up the regions"):
        return sorted(one["RegionName"] for one in api.client("ec2").describe_regions()["Regions"])


def _region(api: Api, region: str, where: str, mine: str) -> list[Row]:
    ours = [{"Name": "tag-key", "Values": [tags.HOME]}]
    client = api.client("ec2", region)
    with api.asking(f"looking for what carries our tags in {region}"):
        pages = client.get_paginator("describe_instances").paginate(Filters=ours)
        instances = [one for page in pages for group in page["Reservations"] for one in group["Instances"]]
        volumes = _paged(client, "describe_volumes", "Volumes", ours)
        groups = _paged(client, "describe_security_groups", "SecurityGroups", ours)
        requests = _paged(client, "describe_spot_instance_requests", "SpotInstanceRequests", ours)
        pairs = client.describe_key_pairs(Filters=ours)["KeyPairs"]
    live = [_tags(one) for one in instances if one["State"]["Name"] not in GONE]
    deployments = {(one.get(tags.HOME), one.get(tags.DEPLOYMENT)) for one in live}
    homes = {home for home, _ in deployments}

    def row(what: str, one_id: str, marks: Mapping[str, str], state: str, left: str) -> Row:
        whose = "" if marks.get(tags.HOME) == mine else f" (state folder {marks.get(tags.HOME)})"
        return Row(where, what, one_id, marks.get(tags.DEPLOYMENT, "") + whose, state, left)

    rows = [
        row("instance", one["InstanceId"], _tags(one), one["State"]["Name"], _overdue(_tags(one)))
        for one in instances
        if one["State"]["Name"] not in GONE
    ]
    rows += [
        row("volume", one["VolumeId"], _tags(one), one["State"], "" if one.get("Attachments") else "has no host")
        for one in volumes
        if one["State"] not in GONE
    ]
    rows += [
        row(
            "spot request",
            one["SpotInstanceRequestId"],
            _tags(one),
            one["State"],
            "" if one.get("InstanceId") else "open",
        )
        for one in requests
        if one["State"] not in GONE
    ]
    for one in groups:
        key = (_tags(one).get(tags.HOME), _tags(one).get(tags.DEPLOYMENT))
        rows.append(row("security group", one["GroupId"], _tags(one), "", "" if key in deployments else "has no hosts"))
    for one in pairs:
        left = "" if _tags(one).get(tags.HOME) in homes else "has no hosts"
        rows.append(row("key pair", one["KeyName"], _tags(one), "", left))
    return rows


def _paged(client: Any, call: str, key: str, filters: list[dict[str, Any]]) -> list[Any]:
    return [one for page in client.get_paginator(call).paginate(Filters=filters) for one in page[key]]


def _overdue(marks: Mapping[str, str]) -> str:
    end = marks.get(tags.EXPIRES)
    if not end or datetime.now(timezone.utc) < datetime.fromisoformat(end):
        return ""
    return f"should have ended at {end}"


def _tags(one: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
