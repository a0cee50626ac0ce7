"""Which zones to count on: one alone, or several near each other, each with its way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.spot.lives import Lives
from tasks.spot.outlook import Figures
from tasks.spot.situation import Offer, Situation, Terms

AHEAD = 4.0  # hours that a machine which costs more than usual is thought to be needed
SAFE, SELDOM = 0.9, 0.15  # availability and losses per hour of a spot zone to fall back on


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """Where to work when no zone of the plan has spot."""

    offer: Offer
    spot: bool
    price: float  # of an hour, expected relaunches counted


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A plan at one moment."""

    offers: tuple[Offer, ...]  # of its zones
    lives: Lives  # of its zones taken as one: up while any of them is
    fallback: Fallback
    figures: Figures

    @property
    def name(self) -> str:
        """The zones, for people."""
        return " or ".join(offer.zone for offer in self.offers)


def view(
    now: Situation, terms: Terms, offers: Sequence[Offer], lives: Lives, zones: Mapping[str, Lives]
) -> View:
    """Return what a plan that counts on ``offers`` has to expect now."""
    fallback = _fallback(now, terms, offers, zones)
    price, hops = _usual(offers, lives, zones)
    losses, returns = lives.rates()
    figures = Figures(
        spot=price,
        on_demand=fallback.price,
        overhead=terms.overhead,
        reserve=terms.overhead * (2 if fallback.spot else 1) + terms.lost,
        hops=hops,
        moving=_moving(terms, offers, fallback),
        losses=losses,
        returns=returns,
    )
    return View(offers=tuple(offers), lives=lives, fallback=fallback, figures=figures)


def affordable(offers: Sequence[Offer]) -> set[str]:
    """Return the zones whose spot is nearer to the cheapest spot than to on-demand."""
    ceiling = (min(o.spot for o in offers) + min(o.on_demand for o in offers)) / 2
    return {offer.zone for offer in offers if offer.spot <= ceiling}


def neighbourhoods(zones: Sequence[str], terms: Terms) -> tuple[tuple[str, ...], ...]:
    """Return the groups of zones that are within the same cost of a move from one of them."""
    limits = sorted({terms.moving(a, b) for a in zones for b in zones if a != b})
    groups = [
        tuple(x for x in zones if max(terms.moving(z, x), terms.moving(x, z)) <= limit)
        for limit in limits
        for z in zones
    ]
    return tuple(dict.fromkeys(group for group in groups if len(group) > 1))


def _usual(
    offers: Sequence[Offer], lives: Lives, zones: Mapping[str, Lives]
) -> tuple[float, float]:
    """Return the price to expect and the hops per hour, if the cheapest that is up is taken."""
    if len(offers) == 1:
        return offers[0].spot, 0.0
    none_cheaper, price, lost, total = 1.0, 0.0, 0.0, 0.0
    for offer in sorted(offers, key=lambda offer: offer.spot):
        zone = zones[offer.zone]
        share = none_cheaper * zone.availability()
        price += share * offer.spot
        lost += share * zone.interruptions_per_hour()
        total += share
        none_cheaper *= 1 - zone.availability()
    return price / total, max(0.0, lost / total - lives.interruptions_per_hour())


def _fallback(
    now: Situation, terms: Terms, offers: Sequence[Offer], zones: Mapping[str, Lives]
) -> Fallback:
    hours = min(now.work_left, AHEAD)
    names, dearest = {o.zone for o in offers}, max(offer.spot for offer in offers)

    def score(fallback: Fallback) -> float:
        moves = sum(terms.moving(fallback.offer.zone, o.zone) for o in offers) / len(offers)
        return fallback.price * hours + 2 * moves

    choices = [Fallback(offer=o, spot=False, price=o.on_demand) for o in now.offers]
    for offer in now.offers:
        zone = zones[offer.zone]
        if (
            offer.up
            and offer.zone not in names
            and offer.spot > dearest
            and zone.availability() > SAFE
            and zone.rate() < SELDOM
        ):
            price = offer.spot * (1 + 2 * zone.rate() * terms.overhead)
            choices.append(Fallback(offer=offer, spot=True, price=price))
    return min(choices, key=score)


def _moving(terms: Terms, offers: Sequence[Offer], fallback: Fallback) -> float:
    names = [offer.zone for offer in offers]
    if len(names) == 1:
        return terms.moving(fallback.offer.zone, names[0])
    pairs = [terms.moving(a, b) for a in names for b in names if a != b]
    return sum(pairs) / len(pairs)
