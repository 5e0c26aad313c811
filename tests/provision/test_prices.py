"""What hosts cost, asked of a price list that answers as AWS's does, read from our table, or not known at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkbed.errors import ProvisionError
from sparkbed.home import Home
from sparkbed.inventory import ProvisionSpec
from sparkbed.provision import prices, provider_for
from sparkbed.provision.api import Api
from sparkbed.provision.prices import Prices, estimate
from tests.provision.conftest import REGION, left_of, write_inventory

SPEC = ProvisionSpec("ec2", "aws", region=REGION, instance_type="t3.small", image="ami-1")


def product(usd: str, unit: str = "Hrs") -> str:
    """A product as GetProducts has it: JSON in a text, one offer term, one price dimension."""
    dimension = {"unit": unit, "pricePerUnit": {"USD": usd}}
    return json.dumps({"terms": {"OnDemand": {"SKU.T": {"priceDimensions": {"SKU.T.D": dimension}}}}})


class PriceList(BaseHTTPRequestHandler):
    products: tuple[str, ...] = ()
    asked: dict[str, Any] = {}  # noqa: RUF012  # the test's own class per server

    def do_POST(self) -> None:
        assert self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
        type(self).asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"FormatVersion": "aws_v1", "PriceList": list(self.products)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def price_list(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[PriceList]]:
    handler = type("Handler", (PriceList,), {})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def asked(cloud: Any) -> Prices:
    return Prices(Api("aws", REGION, None), "aws")


def test_the_price_list_is_asked_for_the_plain_kind(price_list: type[PriceList], asked: Prices) -> None:
    price_list.products = (product("0.0208000000"), product("0.0000000000"))
    price = asked.of(SPEC)
    assert price
    assert price.usd == 0.0208
    assert price.source.startswith("AWS's price list, 2")
    filters = {one["Field"]: one["Value"] for one in price_list.asked["Filters"]}
    assert filters == {
        "instanceType": "t3.small",
        "regionCode": REGION,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "preInstalledSw": "NA",
    }


@pytest.mark.parametrize("products", [(), (product("0.02"), product("0.03")), (product("5", "Quantity"),)])
def test_an_answer_that_does_not_settle_it_is_no_price(
    price_list: type[PriceList], asked: Prices, products: tuple[str, ...]
) -> None:
    price_list.products = products
    price = asked.of(SPEC)
    assert price
    assert "which may be outdated" in price.source
    assert "prices for t3.small" in asked.unasked[0]


def test_spot_costs_what_the_dearest_zone_does(asked: Prices) -> None:
    price = asked.of(replace(SPEC, market="spot"))
    assert price
    assert price.usd == 0.00001, "moto's made-up price"
    assert "highest spot price of 4 zones" in price.source


def test_the_inventory_knows_better(asked: Prices) -> None:
    price = asked.of(replace(SPEC, price_per_hour=0.5))
    assert price
    assert (price.usd, price.source) == (0.5, "the inventory's price_per_hour")


def test_the_table_says_its_date_and_source_and_is_proportional_to_size() -> None:
    table = yaml.safe_load(prices.TABLE.read_text())
    assert str(table["date"]) == "2025-03-02"
    assert table["source"]
    names = ["nano", "micro", "small", "medium", "large", "xlarge"]
    size = {name: 2.0**power for power, name in enumerate(names)}
    size.update({f"{number}xlarge": 32.0 * number for number in (2, 4, 8, 12, 16, 24)})
    for region, listed in table["regions"].items():
        rates: dict[str, set[float]] = {}
        for name, usd in listed.items():
            family, _, kind = name.partition(".")
            rates.setdefault(family, set()).add(usd / size[kind])
        for family, found in rates.items():
            assert max(found) / min(found) < 1.005, f"{family} in {region}: AWS's prices grow as the size"


def test_a_host_above_the_cap_is_refused_before_anything_is_made(cloud: Any, image: str, tmp_path: Path) -> None:
    hosts = write_inventory(tmp_path, image, ", max_price_per_hour: 0.01")
    with pytest.raises(
        ProvisionError, match=r"costs 0.0208 USD an hour .* more than max_price_per_hour, 0.01 USD"
    ) as no:
        provider_for(hosts, Home(tmp_path / "state")).provision(hosts, "paid", lambda _: None)
    assert str(hosts.path) in str(no.value)
    assert left_of(cloud) == []


def test_a_price_that_nobody_knows_is_refused(cloud: Any, image: str, tmp_path: Path) -> None:
    hosts = write_inventory(tmp_path, image, ", max_price_per_hour: 1")
    hosts.path.write_text(hosts.path.read_text().replace("t3.small", "u-12tb1.112xlarge"))
    from sparkbed import inventory as inventories

    hosts = inventories.load(hosts.path)
    with pytest.raises(ProvisionError, match=r"nobody knows what u-12tb1.112xlarge costs") as no:
        provider_for(hosts, Home(tmp_path / "state")).provision(hosts, "paid", lambda _: None)
    assert "price_per_hour" in str(no.value)
    assert left_of(cloud) == []


class Unknown(Prices):
    def _listed(self, spec: ProvisionSpec) -> None:
        return None

    def _spot(self, spec: ProvisionSpec) -> None:
        return None


def test_spot_without_a_price_is_bounded_by_the_cap_which_the_request_carries(cloud: Any) -> None:
    unknown = Unknown(Api("aws", REGION, None), "aws")
    spot = replace(SPEC, market="spot", instance_type="x9.huge", max_price_per_hour=0.3, ttl=7200)
    found = estimate({"h-1": spot}, unknown, "x.yml")
    assert found.prices == {spot: 0.3}
    assert "at most 0.3 USD an hour" in found.lines[0]
    assert "at most 0.6 USD by the time" in found.lines[0]
    listed = replace(spot, instance_type="t3.small")
    assert estimate({"h-1": listed}, unknown, "x.yml").prices == {listed: 0.0208}, "spot costs no more than on demand"


def test_without_a_ttl_it_says_that_hosts_cost_until_they_are_ended(cloud: Any, asked: Prices) -> None:
    found = estimate({"h-1": SPEC, "h-2": replace(SPEC, instance_type="m5.xlarge")}, asked, "x.yml")
    assert all("no ttl is set" in line for line in found.lines if " x " in line)
    assert "together 0.2128 USD an hour" in found.lines


def test_another_cloud_has_prices_of_its_own() -> None:
    other = replace(SPEC, endpoint="https://cloud.example")
    unknown = Prices(Api("https://cloud.example", REGION, None), "https://cloud.example")
    found = estimate({"h-1": other}, unknown, "x.yml")
    assert found.prices == {}
    assert "not known here" in found.lines[0]
    assert estimate({"h-1": replace(other, price_per_hour=0.1)}, unknown, "x.yml").prices
    with pytest.raises(ProvisionError, match="nobody knows"):
        estimate({"h-1": replace(other, max_price_per_hour=0.1)}, unknown, "x.yml")
