# What the bot says in English. Keys and places are the same in every language.
# Limits: button titles 20 characters, row titles 24, footers 60, button messages 1024.

## Greeting and menu
hello = Hello! 👋
hello-name = Hello { $name }! 👋
greeting = { $hello } Welcome to { $shop }. How can I help you today?
greeting-again = 🔁 { $count ->
    [one] 1 item
   *[other] { $count } items
 } to { $place }
greeting-cart = { $hello } You still have { $count ->
        [one] 1 item
       *[other] { $count } items
    } in your cart ({ $total }) — continue?
order-waiting = 🧾 Your order { $ref } is waiting for payment: { $total }. What would you like to do?
closed = 🌙 We are closed at the moment. You can order now; we handle it as soon as we open again.
closed-until = 🌙 We are closed at the moment. You can order now; we handle orders from { $when }.
help =
    Here is what you can write at any time:
    • *products*: see what we sell
    • *promotions*: see what is on offer
    • *cart*: see or change your cart
    • *order*: where your order is
    • *back* or *cancel*
    • *menu*: start again
    • *human*: talk to a person

    You can tap, or just type: "2 coffee and 1 honey".
handed-off = 🙋 A person from { $shop } will answer here. Reply menu to come back to me.

## Buttons
button-menu = 🏠 Menu
button-products = 🛍️ View Products
button-promotions = 🎉 View Promotions
button-again = 🔁 Order again
button-same-again = 🔁 Order again
button-cart = 🛒 View cart
button-checkout = ✅ Check out
button-add-more = ➕ Add more
button-new = 🛍️ New order
button-keep = No, keep it
button-back = ⬅️ Back
button-cancel = ❌ Cancel
button-help = ❓ Help
button-human = 🙋 Talk to a person
button-track = 🧾 My order
button-languages = 🌍 Language
button-take = Yes, { $count }
button-other-quantity = Another number
button-remove = 🗑️ Remove it
button-empty = 🗑️ Empty cart
button-empty-yes = Yes, empty it
button-pickup = 🏪 Pick up
button-same = 📍 Same address
button-same-place = 📍 { $place }
button-another-place = 📍 Another address
button-someone = 🎁 For someone else
button-for-me = Skip, it is for me
button-skip = Skip
button-elsewhere = 📍 Another place
button-tell = 🔔 Tell me
button-pay-mpesa = 📱 M-Pesa
button-pay-airtel = 📱 Airtel Money
button-pay-card = 💳 Card
button-pay-cash = 💵 Cash
button-paynow = 💳 Pay now
button-retry = 🔁 Try again
button-another-way = 💳 Another way
button-resend = 🔄 Resend
button-edit = ✏️ Edit order
button-cancel-order = ❌ Cancel order
button-card-link = 💳 Pay by card
button-history = 🧾 My orders
button-order = 🧾 This order
button-receipt = 🧾 Receipt copy
button-cancel-paid = ❌ Cancel order
button-cancel-yes = Yes, cancel it
button-cancel-no = No, keep it
button-rate = ⭐ Rate it
button-rate-good = 😀 Good
button-rate-fair = 😐 So-so
button-rate-poor = 😞 Bad
button-no-comment = Skip
button-stop = 🔕 Stop
button-resume = 🔔 Start again
button-erase = 🗑️ Delete my data
button-erase-yes = Yes, delete it
button-erase-no = No, keep it

## Products
products-body = 🛍️ What would you like? Tap below to choose, or type a name, a number, or "2 coffee and 1 honey".
products-button = See products
products-none = There is nothing on the shelves right now. Please look in again soon.
categories-body = 🛍️ What are you looking for? Tap below to choose, or just type a product's name.
categories-button = See categories
category-other = Other products
category-count = { $count ->
    [one] 1 product
   *[other] { $count } products
}
row-more = More ▸
row-more-about = See the next ones
row-sold-out = Sold out · { $price }
price-from = from { $price }
variant-sold-out = 🚫 { $label }
did-you-mean =
    Did you mean …?
    { $products }
product-name = *{ $product }*
product-gone = That product is no longer on offer.
sold-out-now = { $product } is sold out right now. Shall I tell you when it is here again, or would you like something else?
only-left = Only { $count } left
how-many = How many? Reply with a number, e.g. 2
which-variant = Which one would you like? Tap it, or type it.
variants-button = See the choices
only-left-take = Only { $count } left. Take { $count }?
line = { $quantity } × { $product } — { $amount }
line-short = { $quantity } × { $product }
and-more = … and { $count } more
left-product = All right, nothing was added.
will-tell = 🔔 I will write as soon as { $product } is here again.
back-in-stock = 🔔 Good news: { $product } is here again ({ $price })! While there is some.
basket-unknown = I understood { $known }, but not "{ $unknown }", so nothing was added yet. Please choose from the list or write it again.
again-nothing = Nothing of your last order can be bought right now. Here is what we have:

## Promotions
promotions-title = 🎉 *Our promotions*
promotions-none = There are no promotions right now, but there is plenty to see.
promotion = ✨ *{ $title }*
promotion-code = Code: *{ $code }*
promotion-until = Until { $date }
promo-noted = ✅ Code { $code }: { $title }.
promo-saves = You save { $amount } on this cart.
promo-not-yet = It takes nothing off the cart as it is now; I will apply it as soon as it fits.
promo-too-late = "{ $title }" can be used before an order is placed. Reply *edit* to put this order back into the cart, then type the code.

## Cart
cart-title = 🛒 *Your cart*
cart-line = { $number }. { $line }
cart-how = Reply with a line's number to change it, or "remove 1".
cart-empty = 🛒 Your cart is empty. Shall we fill it?
cart-empty-ask = Empty your cart ({ $count ->
        [one] 1 item
       *[other] { $count } items
    })?
cart-short = { $count } items — { $amount }
cart-short-discount = { $cart } (🎉 { $title }: −{ $off }, you pay { $total })
cart-gone = { $count ->
    [one] One product you chose is no longer on offer.
   *[other] { $count } products you chose are no longer on offer.
}
cart-sold-out = { $product } is sold out.
cart-fewer = Only { $count } × { $product } left, so that is what I put in.
cart-has-all = You already have all the { $product } there is in your cart.
cart-new-price = The price of { $product } is now { $amount }.
cart-less-discount = A discount you were shown does not apply any more.
promotion-used-up = "{ $title }" has been used up, so it does not apply any more.
promotion-used-by-you = You have already used "{ $title }" as often as one customer may.
cart-look-again = Please look again before you order:
change-quantity = You have { $count } × { $product } in your cart. How many should it be? Reply with a number, or 0 to remove it.
discount-line = 🎉 { $title }: −{ $amount }
total-line = *Total { $total }*

## Address
address = 🛒 { $cart }. Where shall we deliver? Type your estate, building or a landmark, share your 📍 location, or reply skip.
landmark = 📍 Got it. Any landmark for the rider?
for-someone = For someone else? Reply gift
another-place = 📍 Where to? Type your estate, building or a landmark, or share your location.
places-button = Choose a place
recipient = 🎁 Who is it for? Reply with their name and phone number for the rider, e.g. "Jane 0722 000 111". You still pay from your own phone. Reply skip if it is for you.
recipient-noted = 🎁 For { $name }: the rider calls { $phone }.
place-for = for { $name }, { $phone }
zones-body = 🛵 Which area are you in? The delivery fee is added to your order.
zones-button = See areas
zone-fee = Delivery { $amount }
zone-outside = Your pin is outside the area we deliver to by distance.
zones-no-area = We do not deliver to that place yet. You can pick it up at the shop, or send another place. A person can help, too.
place-pickup = Pick up at the shop
place-later = We will ask you
place-pin = your pin on the map

## Order and payment
summary-title = 🧾 *Order { $ref }*
summary-delivery = Delivery: { $amount }
summary-total = *Total { $total }*
summary-place = 📍 { $place }
summary-held = ⏳ We keep it for you for { $minutes } minutes, until { $time }.
summary-next = Choose how to pay. To charge another number, reply e.g. "mpesa 0722 000 111".
summary-next-person = A person from the shop will tell you how to pay.
edit-or-cancel = Reply edit or cancel
choose-payment = How would you like to pay { $total } for order { $ref }?
number-noted = I will charge { $phone }.
which-number = 📱 Which number shall we charge? Reply with it, e.g. 0722 000 111.
method-mpesa = M-Pesa
method-airtel = Airtel Money
method-card = Card
method-cash = Cash
prompt-sent = 📲 Check your phone { $phone }: a request for { $total } is on its way. Enter your PIN to pay. Nothing after a minute? Reply resend.
prompt-sent-cash = 💵 Noted: { $total } in cash for order { $ref }. Have it ready when you get your order; your receipt comes as soon as the shop has the money.
waiting = ⏳ We are waiting for { $method } to confirm { $total } for order { $ref }. If your phone { $phone } asks for your PIN, enter it there, never here. Nothing came? Reply *resend*.
waiting-card = ⏳ We are waiting for your card payment of { $total } for order { $ref }. Open the link I sent to pay. Nothing came? Reply *resend*.
waiting-cash = 💵 Order { $ref } will be paid in cash: { $total } when you get it. Would you rather pay another way?
checking = I check payments with { $method } directly; one moment.
one-moment = I will write the moment I know.
still-pending = ⏳ { $method } has no answer yet for { $total }. If your phone { $phone } asks for your PIN, enter it to pay. If you already did, don't pay again: I'll write the moment it arrives.
still-pending-card = ⏳ Your card payment of { $total } for order { $ref } has not arrived yet. If you already paid, don't pay again: I'll write the moment it arrives.
still-pending-cash = 💵 The shop has not noted your { $total } in cash for order { $ref } yet. Did you pay? Keep your order number: I'll send the receipt as soon as it is noted.
unknown = We have not had { $method }'s answer yet. If you entered your PIN, don't pay again: I'll write the moment it arrives.
already-open = A payment for this order is already on its way, so I did not start a second one. Please don't pay twice; I am asking { $method } now.
already-paid = Order { $ref } is already paid. Nothing more to do. 🙏
order-closed = Order { $ref } is closed, so nothing was charged. You can order again at any time.
cancel-payment-open = A payment for order { $ref } is still open on your phone, so I cannot cancel it yet. Decline it there, or wait a minute; I am asking { $method } now.
card-link = 💳 Pay { $total } for order { $ref } on this secure page. I'll write the moment it is paid.
failed =
    { $why }

    Your order { $ref } ({ $total }) is still here for you.
failed-stands = The last payment did not go through.
failed-insufficient-funds = 😕 There was not enough money in your { $method } account, so nothing was charged.
failed-wrong-pin = 😕 { $method } says the PIN was wrong, so nothing was charged.
failed-cancelled = The { $method } request was cancelled, so nothing was charged.
failed-timeout = 😕 There was no answer on the phone in time, so nothing was charged. Keep it unlocked and near you, and try again.
failed-busy = 😕 { $method } was busy with another request on your line. Please wait a minute or two and try again.
failed-expired = 😕 The { $method } request expired before it was answered, so nothing was charged.
failed-unavailable = 😕 { $method } could not reach your phone just now. Please try again in a minute.
failed-unknown = 😕 { $method } did not accept the payment. Please try again or choose another way.
refund-sent = ↩️ { $shop } has sent { $amount } back to you for order { $ref }. Reference: { $reference }. Nothing there after a day? Reply *human*.
money-without-order = Your { $amount } arrived after order { $ref } closed. { $shop } has been told and will deliver or refund.
no-open-payment = I see no order of yours that is waiting for payment. If you paid and have no receipt, reply *human* and a person will look into it. 🙏
order-cancelled = Order { $ref } is cancelled. { $charged }
nothing-charged = Nothing was charged.
decline-prompt = If your phone still asks for your PIN, please decline it.
refused-nothing-to-ask = No payment has been started for this order yet.
refused-too-many-prompts = Your phone has been asked many times already. Please wait a few minutes, or pay another way.
refused-other = That way to pay is not possible right now. Please choose another.
order-reopened = ✏️ Order { $ref } is back in your cart. Change what you like, then check out.
order-empty = Your cart is empty, so nothing was ordered.
order-changed = Something in your cart changed, so nothing was ordered yet.
nothing-to-cancel = There is nothing to cancel. 🙂
track-none = You have no open order. Shall we start one?

## Receipt: this heading appears in receipts and nowhere else
receipt =
    🎉 Payment successful!
    ━━━━━━━━━━━━━━━━━━━━
    RECEIPT · { $shop }
    ━━━━━━━━━━━━━━━━━━━━
    Order: { $ref }
    { $lines }
    Paid by: { $method }
    { $date }
    { $delivery }
    ━━━━━━━━━━━━━━━━━━━━
    { $thanks }
receipt-thanks = Thank you! 🙏 We'll write when it is on its way.
receipt-copy =
    🧾 Copy of your receipt
    ━━━━━━━━━━━━━━━━━━━━
    RECEIPT · { $shop }
    ━━━━━━━━━━━━━━━━━━━━
    Order: { $ref }
    { $lines }
    Paid by: { $method }
    { $date }
    { $delivery }
    ━━━━━━━━━━━━━━━━━━━━
receipt-delivery = Delivery
receipt-discount = Discount
receipt-total = Total paid
receipt-place = Deliver to: { $place }
receipt-pickup = { $place }

## News of an order
news-preparing = 👩‍🍳 Good news: { $shop } is preparing your order { $ref }.
news-dispatched = 🛵 Your order { $ref } is on its way!
news-delivered = ✅ Your order { $ref } has been delivered. Thank you for shopping with { $shop }! 🙏
news-cancelled = Your order { $ref } was cancelled by { $shop }. Reply *human* if you have a question.
news-expired = Your order { $ref } was not paid in time, so we let it go. Nothing was charged. Reply *cart* to pick up where you left off.

## After the sale
stands-pending-payment = Order { $ref } waits for its payment of { $total }. We keep it for you until { $time }.
stands-paid = Order { $ref } is paid. { $shop } will prepare it next, and I'll write at every step.
stands-preparing = 👩‍🍳 { $shop } is preparing order { $ref }. Next it goes on its way, and I'll write when it does.
stands-dispatched = 🛵 Order { $ref } is on its way to you.
stands-dispatched-pickup = 🏪 Order { $ref } is ready for you at { $shop }.
stands-delivered = ✅ Order { $ref } has been delivered.
stands-cancelled = Order { $ref } was cancelled. Nothing was charged.
stands-cancelled-paid = Order { $ref } was cancelled after it was paid: { $shop } owes you { $total } or has sent it back already.
stands-expired = Order { $ref } was not paid in time and is closed. Nothing was charged.
status-pending-payment = to be paid
status-paid = paid
status-preparing = being prepared
status-dispatched = on its way
status-delivered = delivered
status-cancelled = cancelled
status-expired = not paid
rider = Rider: { $rider }
history-body = 🧾 Your last orders. Tap below to open one.
history-button = See orders
history-row = { $total } · { $status } · { $date }
receipt-none = I have no receipt for you yet: there is one for every order that is paid.
again-gone = { $product } is no longer on offer.
cancel-paid-ask = Cancel order { $ref }? It is paid: { $shop } will send your { $total } back, and the goods go back on the shelf.
cancel-kept = 👍 Order { $ref } stays as it is.
cancel-on-its-way = Order { $ref } is already on its way, so I cannot cancel it here. A person from the shop can help.
refund-due = { $shop } has been told and will send your { $total } back.
reminder = ⏰ We keep order { $ref } ({ $total }) for you only until { $time }. Shall we finish it?
rate-ask = How was order { $ref }?
rate-none = There is nothing to rate yet: I'll ask when your order has arrived.
rate-not-kept = 🙏 Thank you! Order { $ref } was rated before, or has not arrived yet.
rated = 🙏 Thank you for telling us!
rated-poor = 😞 We are sorry, and thank you for telling us. Would you like to talk to a person?
comment-ask = 🙏 Thank you! Is there anything you would like to add? Write one line, or reply skip.
comment-ask-poor = 😞 We are sorry, and thank you for telling us. What went wrong? Write one line, or talk to a person.
comment-thanks = 🙏 Thank you, I passed it on.
stopped = 👍 No more reminders, offers or questions. Receipts and news of your orders still come. Reply *start* to have the rest again.
resumed = 👍 Welcome back: I will write about offers and reminders again. Reply *stop* at any time.
erase-ask = Delete everything { $shop } knows about you: your name, number, addresses and messages? Its books keep what was bought, without your name. This cannot be undone.
erase-kept = 👍 Nothing was deleted.
erase-done = 👋 Done: your data is being deleted now. This is my last message, unless you write again; then we start anew.
erase-unpaid = Order { $ref } is still open. Pay or cancel it first, then ask me again.
erase-undelivered = Order { $ref } is paid and on its way through the shop. Ask me again once it has been delivered.
erase-payment = A payment for order { $ref } is still open. Ask me again when it is settled: at the latest in three days.
erase-money = { $ref } still has money to be settled with you. Ask me again when the shop has sent it.
delivery-noted = 📍 Noted for the rider: { $line }
delivery-not-noted = I could not add that to the order any more. A person can help: reply *human*.

## Not understood, and other input
miss-again =
    I am sorry, I still did not understand. { $hint }

    Would you rather talk to a person?
hint-greeting = Tap a button, or type what you are looking for.
hint-promotions = I did not understand that. Reply *products* to see what we sell.
hint-product-selected = I did not understand that. Please choose from the list, or type a product's name.
hint-variant-choice = I did not understand that. Please choose from the list, or type which one you would like.
hint-choose-quantity = Please send a number, e.g. 2.
hint-cart = I did not understand that. Reply *checkout*, a line's number, or a product's name to add it.
hint-change-quantity = Please send a number, e.g. 2, or 0 to remove it.
hint-address-input = Please type where to deliver (at least 3 letters), share your 📍 location, or reply *skip*.
hint-landmark = Please describe a landmark in a few words, or reply *skip*.
hint-recipient = Please reply with a name and a phone number, e.g. "Jane 0722 000 111", or *skip*.
hint-zone-choice = Please choose your area from the list.
hint-payment-selection = Please choose how to pay, e.g. "mpesa 0722 000 111" for another number. Reply *edit* or *cancel* to change your mind.
hint-payment-processing = I am still waiting for your payment.
hint-payment-failed = Please choose: try again, another way, or cancel the order.
hint-cancel-confirm = Please reply *yes* to cancel the order, or *no* to keep it.
hint-rating-comment = Write one line, or reply *skip*.
hint-erase-confirm = Please reply *yes* to delete your data, or *no* to keep it.
hint-handed-off = Reply *menu* to come back to me.
old-button = That button is from an earlier moment, so I did nothing. Here is where you are now:
late = 🙏 Sorry, your message reached me late, so I did nothing with it. Here is where you are now:
secret-warning = 🔒 Please never send card numbers or PINs in a chat: I did not keep it. Your phone or the payment page will ask for it safely.
other-image = Thank you for the picture! I can only read words and taps.
other-video = Thank you for the video! I can only read words and taps.
other-audio = Thank you for the voice note! I cannot listen yet; please type it.
other-document = Thank you for the document! I can only read words and taps.
other-sticker = 😄 Nice one!
other-contact = Thank you for the contact. Please type what you need instead.
other-location = 📍 Thank you. I ask for your location when you check out.
other-form = Thank you, noted.
other-number-changed = Thank you, your new number is noted and your orders stay with you.
other-unsupported = I cannot read that kind of message yet; please type it.
other-reaction = 😊 Thank you! Reply *menu* whenever you need me.
other-picture-of-payment = I check payments directly with the payment service, not by pictures.

## Language
language-ask = Which language do you prefer?
language-set = 👍 I will write in English.
language-only = This shop writes in this language only.

## When we fail
apology = Sorry, something went wrong on our side and I could not deal with your last message. Please send it again, or reply menu.
flood = That was more than I can read at once, so I did not read it. Please send the last one again in a moment.

## The shop's owner
owner-paid = 🛒 Paid: order { $ref }, { $total }
    { $items }
    For { $name }
    Reply *1* to confirm: the customer hears that you are preparing it.
owner-confirmed = 👩‍🍳 Order { $ref } is being prepared, and the customer is told.
owner-nothing-to-confirm = No paid order waits to be confirmed.
owner-help = This number gets the shop's messages. Reply *1* to a paid order to confirm it; everything else is in the owner's console.
owner-needs = ⚠️ { $shop } needs you: { $needs }. See the owner's console.
owner-need-person = customers waiting for a person: { $count }
owner-need-money = money without an order or to give back: { $count }
owner-need-payment = payments nobody is sure about: { $count }
owner-need-message = messages that did not arrive: { $count }
owner-need-stock = products nearly sold out: { $count }
owner-summary = 📒 { $shop } today
    Orders: { $orders }, paid: { $paid }
    Taken: { $taken }, by M-Pesa { $mpesa }
    Difference to the books: { $difference }
    Waiting for you: { $open }
    Nearly sold out: { $low }
