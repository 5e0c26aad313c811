"""The emulated API lists what is gone no more, and a later instance keeps the address that it had."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.ec2.models import ec2_backends

from sparkbed.provision.endpoint.emulation import ACCOUNT, REGION, Emulation


@pytest.fixture
def emulation() -> Iterator[Emulation]:
    ec2_backends[ACCOUNT][REGION].reset()
    yield Emulation("10.9.8.0/28")
    ec2_backends[ACCOUNT][REGION].reset()


def launch(emulation: Emulation, count: int) -> list[str]:
    before = emulation.ids()
    form = {"Action": "RunInstances", "ImageId": "ami-process", "MinCount": str(count), "MaxCount": str(count)}
    form |= {f"TagSpecification.{number}.ResourceType": kind for number, kind in ((1, "instance"), (2, "volume"))}
    form |= {f"TagSpecification.{number}.Tag.1.{field}": "any" for number in (1, 2) for field in ("Key", "Value")}
    answer = emulation.ask({**form, "SubnetId": emulation.default_subnet})
    assert answer.ok, answer.body
    return sorted(emulation.ids() - before)


def test_what_is_forgotten_is_listed_no_more_and_takes_no_address_from_a_later_one(emulation: Emulation) -> None:
    free = emulation.free_addresses(None)
    [kept] = launch(emulation, 1)
    ended = launch(emulation, free - 1)
    for one in ended:
        emulation.terminate(one)
        emulation.release(one)
    later = launch(emulation, free - 1)
    assert {emulation.address(one) for one in later} == {emulation.address(one) for one in ended}
    emulation.forget(ended)
    assert emulation.ids() == {kept, *later}
    assert emulation.free_addresses(None) == 0
    listed = emulation.ask({"Action": "DescribeInstances"}).body
    assert all(one in listed for one in (kept, *later))
    assert not any(one in listed for one in ended)
    assert len(ec2_backends[ACCOUNT][REGION].tags) == 2 * free, "no tag is left of them, nor of their volumes"
    emulation.forget([])
    assert emulation.ids() == {kept, *later}
