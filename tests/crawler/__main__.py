"""``make crawl``: walk the whole conversation and print what was seen, and what a purchase costs."""

# ruff: noqa: T201 - printing is what it is for

from __future__ import annotations

import sys

from bot.flow import STATES
from bot.texts import LANGUAGES
from tests.crawler.walk import crawl, first_order, repeat_order


def main() -> int:
    walk = crawl()
    print(
        f"{len(walk.places)} places in {len(walk.states())} of {len(STATES)} states, "
        f"{walk.answers} answers to {len(walk.inputs)} kinds of input in {len(LANGUAGES)} languages"
    )
    print()
    print(f"{'journey':<14} {'language':<8} {'they write':>10} {'we write':>8} {'bytes we send':>13}")
    for language in LANGUAGES:
        for journey in (first_order(language), repeat_order(language)):
            print(
                f"{journey.name:<14} {journey.language:<8} {journey.received:>10} {journey.sent:>8} {journey.sent_bytes:>13}"
            )
    for complaint in walk.complaints[:50]:
        print(complaint)
    return 1 if walk.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
