"""What hosts cost: asked of AWS before anything is launched, else read from a dated table, else unknown and refused.

Prices are US dollars an hour for one Linux instance with shared tenancy. Volumes, public addresses and traffic come on
top of it (docs/ec2.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sparkbed.errors import ProvisionError
from sparkbed.inventory import ProvisionSpec
from sparkbed.provision.api import Api

TABLE = Path(__file__).parent / "prices.yml"
PRICING_REGION = "us-east-1"
"""AWS's price list is served in three regions, each with the prices of all."""


@dataclass(frozen=True)
class Price:
    """US dollars an hour, and where the figure comes from. `bound`: the host costs this or less."""

    usd: float
    source: str
    bound: bool = False


class Prices:
    """The prices at one endpoint. Questions that could not be asked are kept in `unasked`, in words."""

    def __init__(self, api: Api, endpoint: str) -> None:
        self._api = api
        self._aws = endpoint == "aws"
        self.unasked: list[str] = []

    def expected(self, spec: ProvisionSpec) -> bool:
        """Whether hosts may not be launched without a price: on AWS, and where a cap shall be kept to."""
        return self._aws or spec.price_per_hour is not None or spec.max_price_per_hour is not None

    def of(self, spec: ProvisionSpec) -> Price | None:
        """What one host of the spec costs an hour; None where nobody knows."""
        if spec.price_per_hour is not None:
            return Price(spec.price_per_hour, "the inventory's price_per_hour")
        if not self._aws:
            return None
        if spec.market == "spot":
            return self._spot(spec) or self._as_bound(self._on_demand(spec))
        return self._on_demand(spec)

    def _on_demand(self, spec: ProvisionSpec) -> Price | None:
        return self._listed(spec) or tabulated(str(spec.region), str(spec.instance_type))

    @staticmethod
    def _as_bound(price: Price | None) -> Price | None:
        """Spot never costs more than on demand, unless somebody offers more, which we don't."""
        return price and Price(price.usd, f"{price.source}, on demand", bound=True)

    def _listed(self, spec: ProvisionSpec) -> Price | None:
        wanted = {
            "instanceType": spec.instance_type,
            "regionCode": spec.region,
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "capacitystatus": "Used",
            "preInstalledSw": "NA",
        }
        filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
        try:
            with self._api.asking("asking for the price"):
                products = self._api.client("pricing", PRICING_REGION).get_products(
                    ServiceCode="AmazonEC2", Filters=filters, MaxResults=100
                )["PriceList"]
        except ProvisionError as error:
            self.unasked.append(f"AWS's price list could not be asked ({error.what})")
            return None
        figures = {figure for product in products for figure in hourly(json.loads(product))}
        if len(figures) != 1:
            self.unasked.append(f"AWS's price list has {len(figures)} prices for {spec.instance_type} in {spec.region}")
            return None
        return Price(figures.pop(), f"AWS's price list, {_today()}")

    def _spot(self, spec: ProvisionSpec) -> Price | None:
        now = datetime.now(timezone.utc)
        try:
            with self._api.asking("asking for the spot price"):
                history = self._api.client("ec2").describe_spot_price_history(
                    InstanceTypes=[spec.instance_type], ProductDescriptions=["Linux/UNIX"], StartTime=now, EndTime=now
                )["SpotPriceHistory"]
        except ProvisionError as error:
            self.unasked.append(f"spot prices could not be asked ({error.what})")
            return None
        if not history:
            return None
        zones = {one["AvailabilityZone"] for one in history}
        source = f"the highest spot price of {len(zones)} zones, {_today()}"
        return Price(max(float(one["SpotPrice"]) for one in history), source)


def hourly(product: Mapping[str, Any]) -> set[float]:
    """The prices above nothing that a product of the price list has on demand, in US dollars an hour."""
    terms = product.get("terms", {}).get("OnDemand", {}).values()
    dimensions = [one for term in terms for one in term.get("priceDimensions", {}).values()]
    figures = {float(one["pricePerUnit"].get("USD", 0)) for one in dimensions if one.get("unit") == "Hrs"}
    return {figure for figure in figures if figure > 0}


@cache
def _table() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return document


def tabulated(region: str, instance_type: str) -> Price | None:
    """The price on demand in our own table, with its date; None where it is not there."""
    table = _table()
    found = table["regions"].get(region, {}).get(instance_type)
    return (
        None if found is None else Price(float(found), f"{table['source']} of {table['date']}, which may be outdated")
    )


@dataclass(frozen=True)
class Estimate:
    """What launching hosts will cost: US dollars an hour by spec, in sentences, and why it must not be done."""

    prices: Mapping[ProvisionSpec, float]
    lines: Sequence[str]


def estimate(missing: Mapping[str, ProvisionSpec], prices: Prices, where: str) -> Estimate:
    """The cost of the hosts in `missing`, checked against `max_price_per_hour`.

    Raises:
        ProvisionError: when a host costs more than the cap, or its price is not known. Nothing has been made then.
    """
    alike: dict[ProvisionSpec, list[str]] = {}
    for host, spec in missing.items():
        alike.setdefault(spec, []).append(host)
    known: dict[ProvisionSpec, float] = {}
    lines = []
    for spec, hosts in alike.items():
        if not prices.expected(spec):
            lines.append(f"{len(hosts)} x {spec.instance_type} at {spec.endpoint}: what they cost is not known here")
            continue
        price = _settled(spec, prices, where)
        _expect_below_cap(spec, price, where)
        known[spec] = price.usd
        lines.append(_sentence(spec, len(hosts), price))
    if len(alike) > 1:
        lines.append(f"together {_usd(sum(known.get(spec, 0) for spec in missing.values()))} an hour")
    return Estimate(known, [*prices.unasked, *lines, "volumes, public addresses and traffic come on top of it"])


def _settled(spec: ProvisionSpec, prices: Prices, where: str) -> Price:
    price = prices.of(spec)
    cap = spec.max_price_per_hour
    if spec.market == "spot" and cap is not None and (price is None or (price.bound and price.usd > cap)):
        return Price(cap, "max_price_per_hour, above which EC2 ends it", bound=True)
    if price is not None:
        return price
    reasons = f" ({'; '.join(prices.unasked)})" if prices.unasked else ""
    raise ProvisionError(
        f"nobody knows what {spec.instance_type} costs in {spec.region}{reasons}, and nothing was launched",
        where=where,
        hint="Say it yourself, by provision: {price_per_hour: ...} in US dollars"
        + (", or set max_price_per_hour, which EC2 keeps to for spot." if spec.market == "spot" else "."),
    )


def _expect_below_cap(spec: ProvisionSpec, price: Price, where: str) -> None:
    cap = spec.max_price_per_hour
    if cap is None or price.usd <= cap:
        return
    raise ProvisionError(
        f"{spec.instance_type} ({spec.market}) costs {_usd(price.usd)} an hour in {spec.region} by {price.source}:"
        f" more than max_price_per_hour, {_usd(cap)}. Nothing was launched",
        where=where,
        hint="Raise max_price_per_hour, or take another instance_type, region or market.",
    )


def _sentence(spec: ProvisionSpec, count: int, price: Price) -> str:
    most = "at most " if price.bound else ""
    each = f" ({_usd(price.usd)} each)" if count > 1 else ""
    hosts = f"{count} x {spec.instance_type} {spec.market} in {spec.region}"
    total = price.usd * count
    end = (
        f"{most}{_usd(total * spec.ttl / 3600)} by the time that they end themselves"
        if spec.ttl
        else "no ttl is set: they run, and cost, until `inv teardown`"
    )
    return f"{hosts}: {most}{_usd(total)} an hour{each}, by {price.source}; {end}"


def _usd(amount: float) -> str:
    return f"{amount:.4f}".rstrip("0").rstrip(".") + " USD"


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()
