"""The WSGI application in front of the emulation: who may ask, what may be asked, and AWS's answers where they differ.

Only what our own client asks for is let through; the rest is refused by name, as AWS refuses what a region lacks.
Mended here: RunInstances is all or nothing, knows its ClientToken again and says when addresses run out; instances
are pending until their node answers and shutting down until it is gone; failures are errors in AWS's XML. Nodes of a
kind that has a network of its own are launched in that one, whatever the default subnet is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from sparkbed.errors import HostError
from sparkbed.provision.endpoint.emulation import REGION, Answer, Emulation
from sparkbed.provision.endpoint.state import (
    SHUTTING_DOWN,
    Form,
    Group,
    Instance,
    Launch,
    State,
    listed,
    listed_tags,
    tags_in,
)
from sparkbed.provision.nodes.base import NodeKind

log = logging.getLogger(__name__)

READING = frozenset(
    f"Describe{what}"
    for what in (
        "Instances",
        "InstanceStatus",
        "InstanceAttribute",
        "KeyPairs",
        "SecurityGroups",
        "Subnets",
        "Vpcs",
        "Tags",
    )
)
PATIENCE = 5.0
"""Seconds that a look at instances by their ids waits while they come up or end. Who names them waits for them, and an
answer costs over a millisecond an instance in the process that makes their nodes."""
IMAGE = "ami-"
"""An image id of the local endpoint is this and a node kind: `ami-process`."""

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Hook:
    """The endpoint's WSGI application. `wake` is called when there is work for the reconciler."""

    def __init__(
        self,
        state: State,
        emulation: Emulation,
        kinds: Mapping[str, NodeKind],
        access_key: str,
        wake: Callable[[], None],
    ) -> None:
        self._state = state
        self._emulation = emulation
        self._kinds = kinds
        self._access_key = access_key
        self._wake = wake
        self._changing: dict[str, Callable[[Form], Answer]] = {
            "RunInstances": self._run,
            "TerminateInstances": self._terminate,
            "CreateTags": self._tag,
            "ImportKeyPair": self._import_key,
            "DeleteKeyPair": self._delete_key,
            "CreateSecurityGroup": self._create_group,
            "AuthorizeSecurityGroupIngress": self._authorize,
            "DeleteSecurityGroup": self._delete_group,
        }
        self.last_request = time.monotonic()
        self.closing = False

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answer(environ)
        except Exception as error:
            log.exception("a request failed")
            answer = refusal("InternalError", f"{type(error).__name__}: {error}", 500)
        body = answer.body.encode()
        kind = "application/json" if answer.body.startswith("{") else "text/xml;charset=UTF-8"
        start_response(
            f"{answer.status} {'OK' if answer.ok else 'Error'}",
            [("Content-Type", kind), ("Content-Length", str(len(body)))],
        )
        return [body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        if not self._known(environ.get("HTTP_AUTHORIZATION", "")):
            return refusal("AuthFailure", "This endpoint belongs to one state folder, and knows its key only.", 401)
        with self._state.lock:
            if self.closing:
                return refusal("Unavailable", "The endpoint is ending, because no instance is left.", 503)
            self.last_request = time.monotonic()
            if environ["REQUEST_METHOD"] == "GET" and environ.get("PATH_INFO") == "/health":
                return Answer(200, json.dumps({"instances": len(self._state.instances)}))
            return self._act(_form(environ))

    def _known(self, authorization: str) -> bool:
        """Whether the request names our access key, which only the state folder's owner can read."""
        _, _, rest = authorization.partition("Credential=")
        key, _, scope = rest.partition("/")
        return hmac.compare_digest(key.encode(), self._access_key.encode()) and f"/{REGION}/ec2/" in f"/{scope}"

    def _act(self, form: Form) -> Answer:
        action = form.get("Action", "")
        if form.get("DryRun", "").lower() == "true":
            return refusal("UnsupportedOperation", "The local endpoint has no dry runs.")
        if action == "DescribeInstances":
            self._state.wait_settled(listed(form, "InstanceId"), PATIENCE)
        if action in READING:
            return _xml(self._emulation.ask(form))
        if action not in self._changing:
            return refusal("UnsupportedOperation", f"The local endpoint does not do {action or 'that'}.")
        return self._changing[action](form)

    # -- instances ------------------------------------------------------------------------------------------------

    def _run(self, form: Form) -> Answer:
        token = form.get("ClientToken", "")
        digest = hashlib.sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()
        known = self._state.launches.get(token) if token else None
        if known:
            if known.digest != digest:
                return refusal("IdempotentParameterMismatch", "This client token was used with other parameters.")
            return Answer(200, known.answer)
        refused = self._unknown(form)
        if refused:
            return refused
        try:
            form = self._settled(form)
        except HostError as error:
            return refusal("Unsupported", str(error))
        refused = self._too_many(form)
        if refused:
            return refused
        before = self._emulation.ids()
        answer = _xml(self._emulation.ask(form))
        made = sorted(self._emulation.ids() - before)
        if answer.ok:
            self._write_down(form, token, digest, made, answer)
        else:
            self._undo(made)
        return answer

    def _settled(self, form: Form) -> Form:
        """The launch with the subnet of its node kind, if that has one of its own and no other was asked for."""
        kind = form["ImageId"].removeprefix(IMAGE)
        asked = form.get("SubnetId")
        if asked and asked != self._emulation.default_subnet:
            return form
        network = self._kinds[kind].network(self._state.networks.get(kind))
        if network is None:
            return form
        self._state.networks[kind] = network  # saved with the instance
        return {**form, "SubnetId": self._emulation.subnet_of(network)}

    def _unknown(self, form: Form) -> Answer | None:
        """Why a launch can't be served by what it names, asked before anything is made."""
        count, subnet, key = form.get("MinCount", "1"), form.get("SubnetId"), form.get("KeyName", "")
        if count != form.get("MaxCount"):
            return refusal("UnsupportedOperation", "The local endpoint wants MinCount and MaxCount to be equal.")
        kind = form.get("ImageId", "").removeprefix(IMAGE)
        if kind not in self._kinds:
            return refusal("InvalidAMIID.NotFound", f"There is no image for nodes of kind {kind!r} here.")
        if key not in self._state.keys:
            return refusal("InvalidKeyPair.NotFound", f"The key pair '{key}' does not exist")
        if subnet and not self._emulation.has_subnet(subnet):
            return refusal("InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist")
        return None

    def _too_many(self, form: Form) -> Answer | None:
        """Why there are not enough addresses for a launch, if so."""
        count, subnet = form.get("MinCount", "1"), form.get("SubnetId")
        free = self._emulation.free_addresses(subnet)
        if int(count) > free:
            return refusal(
                "InsufficientFreeAddressesInSubnet",
                f"There are not enough free addresses in the subnet: {count} asked for, {free} free.",
            )
        return None

    def _write_down(self, form: Form, token: str, digest: str, made: list[str], answer: Answer) -> None:
        own = {name: value for name, value in form.items() if name != "ClientToken"}
        own.update(MinCount="1", MaxCount="1")
        key = base64.b64decode(self._state.keys[form["KeyName"]]["PublicKeyMaterial"]).decode()
        for instance_id in made:
            self._emulation.show(instance_id, "pending")
            self._state.instances[instance_id] = Instance(
                id=instance_id,
                address=self._emulation.address(instance_id),
                kind=form["ImageId"].removeprefix(IMAGE),
                form=own,
                authorized_key=key,
                launched=self._emulation.launched(instance_id),
                tags=tags_in(form),
                launch_index=self._emulation.launch_index(instance_id),
            )
        if token:
            self._state.launches[token] = Launch(digest, answer.body, made)
        try:
            self._state.save()
        except OSError:
            self._undo(made)
            raise
        self._wake()

    def _undo(self, made: list[str]) -> None:
        for instance_id in made:
            self._emulation.terminate(instance_id)
            self._emulation.release(instance_id)
            self._state.forget(instance_id)
        self._emulation.forget(made)

    def _terminate(self, form: Form) -> Answer:
        answer = _xml(self._emulation.ask(form))
        if not answer.ok:
            return answer
        for instance_id in listed(form, "InstanceId"):
            record = self._state.instances.get(instance_id)
            if record:
                record.state = SHUTTING_DOWN
                self._emulation.show(instance_id, "shutting-down")
        self._state.settled.notify_all()
        self._state.save()
        self._wake()
        return answer

    def _tag(self, form: Form) -> Answer:
        answer = _xml(self._emulation.ask(form))
        if answer.ok:
            for resource in listed(form, "ResourceId"):
                if resource in self._state.instances:
                    self._state.instances[resource].tags.update(listed_tags(form))
            self._state.save()
        return answer

    # -- keys and groups ------------------------------------------------------------------------------------------

    def _import_key(self, form: Form) -> Answer:
        answer = _xml(self._emulation.ask(form))
        if answer.ok:
            self._state.keys[form["KeyName"]] = form
            self._state.save()
        return answer

    def _delete_key(self, form: Form) -> Answer:
        answer = _xml(self._emulation.ask(form))
        if answer.ok:
            self._state.keys.pop(form.get("KeyName", ""), None)
            self._state.save()
        return answer

    def _create_group(self, form: Form) -> Answer:
        answer = _xml(self._emulation.ask(form))
        if answer.ok:
            self._state.groups[self._emulation.group_id(form["GroupName"])] = Group(form)
            self._state.save()
        return answer

    def _authorize(self, form: Form) -> Answer:
        answer = _xml(self._emulation.ask(form))
        group = self._state.groups.get(form.get("GroupId", ""))
        if answer.ok and group:
            group.rules.append(form)
            self._state.save()
        return answer

    def _delete_group(self, form: Form) -> Answer:
        group = form.get("GroupId", "")
        users = [one for one in self._state.instances.values() if group in listed(one.form, "SecurityGroupId")]
        if users:
            return refusal("DependencyViolation", f"resource {group} has a dependent object")
        answer = _xml(self._emulation.ask(form))
        if answer.ok:
            self._state.groups.pop(group, None)
            self._state.save()
        return answer


def _form(environ: dict[str, Any]) -> Form:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return dict(parse_qsl(environ["wsgi.input"].read(length).decode(), keep_blank_values=True))


def _xml(answer: Answer) -> Answer:
    """The answer as it is if it is AWS's XML; else (an HTML page, a Python error) an InternalError that carries it."""
    if answer.ok or (answer.status < 500 and answer.body.lstrip().startswith("<?xml")):
        return answer
    if answer.body.lstrip().startswith("<") and "<Error>" in answer.body:
        return answer
    log.error("the emulation failed: %s", answer.body)
    return refusal("InternalError", answer.body[:500], 500)


def refusal(code: str, message: str, status: int = 400) -> Answer:
    """An error in the form of EC2's query API."""
    return Answer(
        status,
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error></Errors>"
        "<RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>",
    )
