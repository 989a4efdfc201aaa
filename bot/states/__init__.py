"""The states of the conversation: one file each, and this list."""

from __future__ import annotations

from typing import Any, Final

from bot.state import State
from bot.states.address_input import AddressInput
from bot.states.cancel_confirm import CancelConfirm
from bot.states.cart import CartView
from bot.states.change_quantity import ChangeQuantity
from bot.states.choose_quantity import ChooseQuantity
from bot.states.erase_confirm import EraseConfirm
from bot.states.greeting import Greeting
from bot.states.handed_off import HandedOff
from bot.states.landmark import Landmark
from bot.states.payment_failed import PaymentFailed
from bot.states.payment_processing import PaymentProcessing
from bot.states.payment_selection import PaymentSelection
from bot.states.product_selected import ProductSelected
from bot.states.promotions import Promotions
from bot.states.rating_comment import RatingComment
from bot.states.recipient import Recipient
from bot.states.variant_choice import VariantChoice
from bot.states.zone_choice import ZoneChoice

ALL: Final[tuple[State[Any], ...]] = (
    Greeting(),
    Promotions(),
    ProductSelected(),
    VariantChoice(),
    ChooseQuantity(),
    CartView(),
    ChangeQuantity(),
    AddressInput(),
    Landmark(),
    Recipient(),
    ZoneChoice(),
    PaymentSelection(),
    PaymentProcessing(),
    PaymentFailed(),
    CancelConfirm(),
    RatingComment(),
    EraseConfirm(),
    HandedOff(),
)
"""Every state; the first is where everybody begins."""
