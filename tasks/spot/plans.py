"""Which zones to count on, how finely each is seen, and what has to be known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.spot.chains import Chain, chain, levels
from tasks.spot.lives import Lives
from tasks.spot.outlook import Figures
from tasks.spot.situation import Offer, Situation, Terms

AHEAD = 6.0  # hours over which zones are compared
BEST = 3  # zones without which a plan is made anew
MOST = 5  # zones that are counted on
ROOM = 64  # states of the market that an outlook is solved for


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The zones that are counted on, the best first."""

    offers: tuple[Offer, ...]
    chains: tuple[Chain, ...]
    figures: Figures


def plan(
    now: Situation, terms: Terms, zones: Mapping[str, Lives], before: Sequence[str] = ()
) -> Plan:
    """Return what to count on now: the zones of before, as long as the best are among them."""
    offers = _counted(now, terms, zones)
    if before and {offer.zone for offer in offers[:BEST]} <= set(before):
        told = {offer.zone: offer for offer in now.offers}
        offers = tuple(told[zone] for zone in before)
    fineness = levels(len(offers), ROOM)
    chains = tuple(
        chain(zones[offer.zone], starts) for offer, starts in zip(offers, fineness, strict=True)
    )
    return Plan(offers=offers, chains=chains, figures=_figures(now, terms, offers, chains))


def _counted(now: Situation, terms: Terms, zones: Mapping[str, Lives]) -> tuple[Offer, ...]:
    """Return the zone of the checkpoint, and the others by what spot there is likely to save."""
    full = min(offer.on_demand for offer in now.offers)
    kept = max(min(AHEAD, now.work_left), 1e-6)

    def saves(offer: Offer) -> float:
        move = 2 * terms.moving(now.kept_in, offer.zone) / kept  # there, and away again
        return zones[offer.zone].share(AHEAD) * max(full - offer.spot - move, 0.0)

    def rank(offer: Offer) -> tuple[bool, float]:
        return offer.zone != now.kept_in, -saves(offer)

    ranked = sorted(now.offers, key=rank)
    worth = [o for o in ranked[1:] if o.spot < full and saves(o) > 0]
    return (ranked[0], *worth[: MOST - 1])


def _figures(
    now: Situation, terms: Terms, offers: tuple[Offer, ...], chains: tuple[Chain, ...]
) -> Figures:
    full = {offer.zone: offer.on_demand for offer in now.offers}
    to = min(full, key=lambda zone: full[zone] * now.work_left + terms.moving(now.kept_in, zone))
    names = [offer.zone for offer in offers]
    places = tuple(dict.fromkeys([*names, to, *([now.kept_in] if now.kept_in else [])]))
    origins = places if now.kept_in else (*places, "")
    return Figures(
        chains=chains,
        spot=tuple(offer.spot for offer in offers),
        places=places,
        on_demand=tuple(full[place] for place in places),
        origins=origins,
        moves={(a, b): terms.moving(a, b) for a in origins for b in places},
        overhead=terms.overhead,
        reserve=terms.overhead + terms.lost,
    )
