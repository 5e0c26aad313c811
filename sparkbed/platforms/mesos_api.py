"""A client of the Mesos master's operator API: weights, roles, state, frameworks, metrics.

The v1 calls go to `POST /api/v1`, the older paths to `/weights`, `/roles`, `/state`, `/frameworks` and
`/metrics/snapshot`. A master that does not lead answers 307 with the leader's address: it is followed, and remembered.
(Contract: Apache Mesos 1.x, docs/operator-http-api.md and docs/weights.md.)
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sparkbed.errors import PlatformError

REDIRECTS = 5
LEADERLESS = "The masters are choosing a leader, which takes seconds: try again. If it stays so, look at ZooKeeper."
HINTS = {
    400: "The master does not take it as it is: weights are numbers above 0, and roles no '/', '..' or spaces.",
    401: "The master wants to know who asks: give principal and secret of its --credentials.",
    403: "The master's --acls do not let this principal do it.",
    404: "Is this a Mesos master, and of a version that has this call (weights: 1.0 and later)?",
    503: LEADERLESS,
}


class MesosMaster:
    """The leading master of a Mesos cluster, found from the address of any of its masters.

    `address` is http://HOST:PORT. Numbers are as Mesos has them: cpus are cores, mem is MiB.

    Raises:
        PlatformError: from every method: no answer, or a refusal in words for people.
    """

    def __init__(
        self, address: str, principal: str | None = None, secret: str | None = None, timeout: float = 30
    ) -> None:
        self.leader = address.rstrip("/")
        self._timeout = timeout
        self._headers = {"Accept": "application/json"}
        if principal is not None:
            token = base64.b64encode(f"{principal}:{secret or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"

    # -- v1 -----------------------------------------------------------------------------------------------------------

    def call(self, kind: str, **fields: Any) -> dict[str, Any]:
        """One call of the v1 API; its answer without the envelope: what stands under the call's own name."""
        body = json.dumps({"type": kind, **fields}).encode()
        text = self._ask("POST", "/api/v1", body, kind)
        if not text.strip():
            return {}
        answer = self._json(text, kind)
        inner = answer.get(kind.lower(), answer)
        return dict(inner) if isinstance(inner, Mapping) else {}

    def weights(self) -> dict[str, float]:
        """The weights that were set; every other role has 1."""
        return {one["role"]: float(one["weight"]) for one in self.call("GET_WEIGHTS").get("weight_infos", ())}

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Sets the weights of these roles; allocations from now on keep to them, what runs is left alone."""
        infos = [{"role": role, "weight": float(weight)} for role, weight in weights.items()]
        self.call("UPDATE_WEIGHTS", update_weights={"weight_infos": infos})

    def agents(self) -> list[dict[str, Any]]:
        """The agents that are active, each with what it offers (`resources`: name -> number)."""
        return [
            {
                "id": one["agent_info"]["id"]["value"],
                "hostname": one["agent_info"]["hostname"],
                "resources": scalars(one.get("total_resources", ())),
            }
            for one in self.call("GET_AGENTS").get("agents", ())
            if one.get("active")
        ]

    def frameworks(self) -> list[dict[str, Any]]:
        """The frameworks that are registered: id, name, role, and what they hold and are offered."""
        return [
            {
                "id": one["framework_info"]["id"]["value"],
                "name": one["framework_info"].get("name", ""),
                "role": one["framework_info"].get("role", "*"),
                "active": bool(one.get("active")),
                "allocated": scalars(one.get("allocated_resources", ())),
                "offered": scalars(one.get("offered_resources", ())),
            }
            for one in self.call("GET_FRAMEWORKS").get("frameworks", ())
        ]

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that run."""
        return [dict(one) for one in self.call("GET_TASKS").get("tasks", ())]

    def roles(self) -> dict[str, dict[str, Any]]:
        """By role: its weight, the ids of its frameworks, and what they hold."""
        return {
            one["name"]: {
                "weight": float(one.get("weight", 1)),
                "frameworks": [framework["value"] for framework in one.get("frameworks", ())],
                "allocated": scalars(one.get("resources", ())),
            }
            for one in self.call("GET_ROLES").get("roles", ())
        }

    def flags(self) -> dict[str, str]:
        """What the master was started with."""
        return {one["name"]: one.get("value", "") for one in self.call("GET_FLAGS").get("flags", ())}

    def metrics(self) -> dict[str, float]:
        """The master's counters and gauges at this moment."""
        return {one["name"]: float(one.get("value", "nan")) for one in self.call("GET_METRICS").get("metrics", ())}

    # -- the older paths ----------------------------------------------------------------------------------------------

    def old_weights(self) -> dict[str, float]:
        """As `weights`, by GET /weights."""
        found = self._json(self._ask("GET", "/weights", None, "weights"), "weights")
        return {one["role"]: float(one["weight"]) for one in found}

    def set_old_weights(self, weights: Mapping[str, float]) -> None:
        """As `set_weights`, by PUT /weights."""
        body = json.dumps([{"role": role, "weight": float(weight)} for role, weight in weights.items()]).encode()
        self._ask("PUT", "/weights", body, "weights")

    def state(self) -> dict[str, Any]:
        """The master's whole state by GET /state: version, leader, slaves, frameworks."""
        return dict(self._json(self._ask("GET", "/state", None, "state"), "state"))

    def old(self, path: str) -> Any:
        """What another of the older paths answers: /roles, /frameworks, /slaves, /metrics/snapshot."""
        return self._json(self._ask("GET", path, None, path), path)

    # -- the wire -----------------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, body: bytes | None, what: str) -> str:
        for _ in range(REDIRECTS):
            status, location, text = self._send(method, path, body, what)
            if status == 307 and location:
                self.leader = _base(location, self.leader, path)
                continue
            if 200 <= status < 300:
                return text
            said = text.strip()
            raise PlatformError(
                f"the Mesos master at {self.leader} answered {what} with {status}{f': {said}' if said else ''}",
                hint=HINTS.get(status, "The master's log says more."),
            )
        raise PlatformError(
            f"the Mesos masters point to each other: {what} went through {REDIRECTS} of them, to {self.leader}",
            hint=LEADERLESS,
        )

    def _send(self, method: str, path: str, body: bytes | None, what: str) -> tuple[int, str, str]:
        place = urlsplit(self.leader)
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        connection = kind(place.hostname or "", place.port, timeout=self._timeout)
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Location", ""), answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise PlatformError(
                f"the Mesos master at {self.leader} does not answer {what}: {error or type(error).__name__}",
                hint="Is it up? ./inv play playbooks/mesos/status.yml says so.",
            ) from error
        finally:
            connection.close()

    def _json(self, text: str, what: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise PlatformError(
                f"the Mesos master at {self.leader} answered {what} with what is no JSON: {text[:80]!r}",
                hint=HINTS[404],
            ) from error


def scalars(resources: Any) -> dict[str, float]:
    """The numbers among resources in v1's form, summed by name: cpus, mem, disk, gpus."""
    found: dict[str, float] = {}
    for one in resources:
        if one.get("type") == "SCALAR":
            found[one["name"]] = found.get(one["name"], 0.0) + float(one["scalar"]["value"])
    return found


def _base(location: str, asked: str, path: str) -> str:
    """The leader's address in a Location, which may leave out the scheme (//host:port/path)."""
    place = urlsplit(location, scheme=urlsplit(asked).scheme)
    if not place.netloc:
        return asked
    prefix = place.path.removesuffix(path) if place.path.endswith(path) else ""
    return f"{place.scheme}://{place.netloc}{prefix}".rstrip("/")
