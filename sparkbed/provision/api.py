"""boto3's clients for one endpoint, and its errors as ours.

boto3 is imported as the first client is made: it takes half a second, and most commands need none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sparkbed.errors import ProvisionError
from sparkbed.provision.endpoint import Endpoint

ATTEMPTS = {True: 3, False: 8}
"""How often a request is sent at most (throttled, unanswered, the server's own fault): on the local endpoint,
elsewhere. boto3 waits longer before each, up to 20 s."""

HINTS = {
    "AuthFailure": "The access key is not accepted: check AWS_ACCESS_KEY_ID or the profile.",
    "ExpiredToken": "Log in again (`aws sso login`, or new keys), and give the same command again.",
    "InstanceLimitExceeded": "Ask AWS for a higher limit, or take fewer or smaller hosts.",
    "InsufficientFreeAddressesInSubnet": "Ask for fewer hosts, end some with `inv teardown`, or name a larger subnet.",
    "InsufficientInstanceCapacity": "Try again later, another instance_type, or another region.",
    "InvalidAMIID.NotFound": "Images belong to one region: check `image` and `region`, or `node` for local hosts.",
    "InvalidSubnetID.NotFound": "Check `subnet` and `region`.",
    "MaxSpotInstanceCountExceeded": "Ask AWS for a higher limit, or take market: on-demand.",
    "RequestLimitExceeded": "The account asks more often than it may: wait a minute, and do it again.",
    "SpotMaxPriceTooLow": "Spot costs more than max_price_per_hour now: raise it, or try another instance_type.",
    "UnauthorizedOperation": "The account lacks this permission: ask for it in IAM (docs/ec2.md lists what is needed).",
    "VcpuLimitExceeded": "Ask AWS for a higher limit, or take fewer or smaller hosts.",
}
_SAME = {
    "AccessDeniedException": "UnauthorizedOperation",
    "ExpiredTokenException": "ExpiredToken",
    "InsufficientCapacity": "InsufficientInstanceCapacity",
    "InvalidClientTokenId": "AuthFailure",
    "RequestExpired": "ExpiredToken",
    "SpotInstanceCountExceeded": "MaxSpotInstanceCountExceeded",
    "Throttling": "RequestLimitExceeded",
    "ThrottlingException": "RequestLimitExceeded",
    "UnrecognizedClientException": "AuthFailure",
}

ASK_FOR_HELP = "docs/ec2.md says what is asked for, and `inv status --leaks` what is there."

NO_CAPACITY = ("InsufficientInstanceCapacity", "InsufficientCapacity", "Unsupported")
"""What another zone of the region may have: capacity, or the instance type at all."""


class ApiError(ProvisionError):
    """The API refused a request; `code` is its own word for why."""

    def __init__(self, code: str, what: str, *, where: str | None, hint: str | None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.code = code


class NoAnswerError(ProvisionError):
    """No answer came: whether the request was served is not known."""


class Api:
    """One account at one endpoint. `watch` is shown every client before its first call (see dry_run.py)."""

    def __init__(
        self, endpoint: str, region: str | None, local: Endpoint | None, watch: Callable[[Any], None] | None = None
    ) -> None:
        self._endpoint = endpoint
        self._local = local
        self._watch = watch
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._session: Any = None
        self.region = local.region if local else region
        self.where = None if local else f"{endpoint} {self.region}"

    def client(self, service: str, region: str | None = None) -> Any:
        """boto3's client, made once; `pricing` is AWS's alone, and in regions of its own."""
        key = (service, region)
        if key not in self._clients:
            with self.asking("connecting"):
                self._clients[key] = self._local_client(service) if self._local else self._cloud_client(service, region)
            if self._watch:
                self._watch(self._clients[key])
        return self._clients[key]

    def _cloud_client(self, service: str, region: str | None) -> Any:
        import boto3
        from botocore.config import Config

        url = None if self._endpoint == "aws" else self._endpoint
        # Prices have a table to fall back on: nobody shall wait minutes for them.
        attempts = min(2, ATTEMPTS[False]) if service == "pricing" else ATTEMPTS[False]
        retries: Any = {"total_max_attempts": attempts, "mode": "standard"}
        config = Config(retries=retries, connect_timeout=10, read_timeout=60)
        if self._session is None:  # it holds what boto3 reads of EC2's description, which takes a second
            self._session = boto3.session.Session(region_name=self.region)
        return self._session.client(service, region_name=region, endpoint_url=url, config=config)

    def _local_client(self, service: str) -> Any:
        """Nothing of the user's own AWS settings may reach the local endpoint: neither files nor variables."""
        import boto3
        import botocore.session
        from botocore.config import Config

        assert self._local
        nothing = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
        retries: Any = {"total_max_attempts": ATTEMPTS[True], "mode": "standard"}
        session = boto3.session.Session(botocore_session=botocore.session.Session(session_vars=nothing))
        return session.client(
            service,
            region_name=self.region,
            endpoint_url=self._local.url,
            aws_access_key_id=self._local.credentials.access_key,
            aws_secret_access_key=self._local.credentials.secret_key,
            config=Config(retries=retries, proxies={}, connect_timeout=10, read_timeout=60),
        )

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Turns boto3's errors into ours, naming what was being done."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            HTTPClientError,
            NoCredentialsError,
            PartialCredentialsError,
            ProfileNotFound,
            TokenRetrievalError,
            UnauthorizedSSOTokenError,
            WaiterError,
        )

        try:
            yield
        except ClientError as error:
            raise self._refused(what, error.response) from error
        except WaiterError as error:
            if "Error" in error.last_response:  # what it asked was refused
                raise self._refused(what, error.last_response) from error
            raise ProvisionError(f"{what}: {error}", where=self.where) from error
        except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
            raise ProvisionError(
                f"{what}: there are no AWS credentials ({error})",
                hint="Run `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            ) from error
        except (UnauthorizedSSOTokenError, TokenRetrievalError) as error:
            raise ApiError("ExpiredToken", f"{what}: {error}", where=self.where, hint=HINTS["ExpiredToken"]) from error
        except HTTPClientError as error:
            raise NoAnswerError(
                f"{what}: {error}", where=self.where, hint="Can the endpoint be reached from here?"
            ) from error
        except BotoCoreError as error:
            raise ProvisionError(
                f"{what}: {error}", where=self.where, hint="Can the endpoint be reached from here?"
            ) from error

    def _refused(self, what: str, response: Mapping[str, Any]) -> ApiError:
        code, message = response["Error"]["Code"], response["Error"].get("Message", "")
        tries = response.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
        often = f" (asked {tries} times)" if tries > 1 else ""
        hint = HINTS.get(_SAME.get(code, code), None if self._local else ASK_FOR_HELP)
        return ApiError(code, f"{what}: EC2 says {code}: {message}{often}", where=self.where, hint=hint)
