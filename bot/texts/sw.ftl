# Anachosema boti kwa Kiswahili. Funguo na nafasi ni zilezile kwa kila lugha.

## Greeting and menu
hello = Habari! 👋
hello-name = Habari { $name }! 👋
greeting = { $hello } Karibu { $shop }. Nikusaidie nini leo?
greeting-cart = { $hello } Bado una { $count ->
        [one] bidhaa 1
       *[other] bidhaa { $count }
    } kwenye kikapu chako ({ $total }) — tuendelee?
order-waiting = 🧾 Oda yako { $ref } inasubiri malipo: { $total }. Ungependa kufanya nini?
help =
    Unaweza kuandika haya wakati wowote:
    • *bidhaa*: ona tunachouza
    • *ofa*: ona ofa zilizopo
    • *kikapu*: ona au badilisha kikapu
    • *oda*: oda yako iko wapi
    • *rudi* au *ghairi*
    • *menyu*: anza upya
    • *mtu*: ongea na mtu

    Unaweza kubonyeza, au andika tu: "kahawa 2 na asali 1".
handed-off = 🙋 Mtu kutoka { $shop } atakujibu hapa. Jibu menyu ili kurudi kwangu.

## Buttons
button-menu = 🏠 Menyu
button-products = 🛍️ Tazama bidhaa
button-promotions = 🎉 Tazama ofa
button-again = 🔁 Agiza tena
button-cart = 🛒 Tazama kikapu
button-checkout = ✅ Maliza kununua
button-add-more = ➕ Ongeza
button-new = 🛍️ Oda mpya
button-keep = Hapana, kiache
button-back = ⬅️ Rudi
button-cancel = ❌ Ghairi
button-help = ❓ Msaada
button-human = 🙋 Ongea na mtu
button-track = 🧾 Oda yangu
button-languages = 🌍 Lugha
button-language-en = English
button-language-sw = Kiswahili
button-take = Ndiyo, { $count }
button-other-quantity = Idadi nyingine
button-remove = 🗑️ Ondoa
button-empty = 🗑️ Futa kikapu
button-empty-yes = Ndiyo, futa
button-pickup = 🏪 Nitachukua
button-same = 📍 Pale pale
button-same-place = 📍 { $place }
button-skip = Ruka
button-pay-mpesa = 📱 M-Pesa
button-pay-airtel = 📱 Airtel Money
button-pay-card = 💳 Kadi
button-pay-cash = 💵 Taslimu
button-paynow = 💳 Lipa sasa
button-retry = 🔁 Jaribu tena
button-another-way = 💳 Njia nyingine
button-resend = 🔄 Tuma tena
button-edit = ✏️ Badilisha oda
button-cancel-order = ❌ Ghairi oda
button-card-link = 💳 Lipa kwa kadi

## Products
products-body = 🛍️ Ungependa nini? Bonyeza hapa chini kuchagua, au andika jina, namba, au "kahawa 2 na asali 1".
products-button = Tazama bidhaa
products-none = Kwa sasa hakuna bidhaa. Tafadhali angalia tena baadaye.
categories-body = 🛍️ Unatafuta nini? Bonyeza hapa chini kuchagua, au andika tu jina la bidhaa.
categories-button = Tazama aina
category-other = Bidhaa nyingine
category-count = { $count ->
    [one] bidhaa 1
   *[other] bidhaa { $count }
}
row-more = Zaidi ▸
row-more-about = Ona zinazofuata
row-sold-out = Imeisha · { $price }
did-you-mean =
    Ulimaanisha …?
    { $products }
product-name = *{ $product }*
product-gone = Bidhaa hiyo haipo tena.
sold-out-now = { $product } imeisha kwa sasa. Kuna kingine unachopenda?
only-left = Zimebaki { $count } tu
how-many = Ngapi? Jibu kwa namba, mfano 2
only-left-take = Zimebaki { $count } tu. Uchukue { $count }?
line = { $quantity } × { $product } — { $amount }
line-short = { $quantity } × { $product }
and-more = … na { $count } zaidi
left-product = Sawa, hakuna kilichoongezwa.
basket-unknown = Nimeelewa { $known }, lakini si "{ $unknown }", hivyo sijaongeza chochote. Tafadhali chagua kwenye orodha au andika tena.
again-nothing = Hakuna kitu cha oda yako ya mwisho kinachopatikana sasa. Hivi ndivyo tulivyo navyo:

## Promotions
promotions-title = 🎉 *Ofa zetu*
promotions-none = Kwa sasa hakuna ofa, lakini kuna mengi ya kuona.
promotion = ✨ *{ $title }*
promotion-code = Msimbo: *{ $code }*
promotion-until = Hadi { $date }
promo-noted = ✅ Msimbo { $code }: { $title }.
promo-saves = Unaokoa { $amount } kwenye kikapu hiki.
promo-not-yet = Haupunguzi kitu kwenye kikapu kilivyo sasa; nitautumia mara tu utakapofaa.
promo-too-late = "{ $title }" hutumika kabla ya kuweka oda. Jibu *hariri* ili kurudisha oda hii kwenye kikapu, kisha andika msimbo.

## Cart
cart-title = 🛒 *Kikapu chako*
cart-line = { $number }. { $line }
cart-how = Jibu kwa namba ya mstari kuubadilisha, au "ondoa 1".
cart-empty = 🛒 Kikapu chako ni kitupu. Tukijaze?
cart-empty-ask = Nifute kikapu chako ({ $count ->
        [one] bidhaa 1
       *[other] bidhaa { $count }
    })?
cart-short = Bidhaa { $count } — { $amount }
cart-short-discount = { $cart } (🎉 { $title }: −{ $off }, utalipa { $total })
cart-gone = { $count ->
    [one] Bidhaa moja uliyochagua haipo tena.
   *[other] Bidhaa { $count } ulizochagua hazipo tena.
}
cart-sold-out = { $product } imeisha.
cart-fewer = Zimebaki { $count } × { $product } tu, hivyo ndizo nilizoweka.
cart-has-all = { $product } zote zilizopo tayari ziko kwenye kikapu chako.
cart-new-price = Bei ya { $product } sasa ni { $amount }.
cart-look-again = Tafadhali angalia tena kabla ya kuagiza:
change-quantity = Una { $count } × { $product } kwenye kikapu. Ziwe ngapi? Jibu kwa namba, au 0 kuondoa.
discount-line = 🎉 { $title }: −{ $amount }
total-line = *Jumla { $total }*

## Address
address = 🛒 { $cart }. Tulete wapi? Andika mtaa, jengo au alama ya karibu, tuma 📍 mahali ulipo, au jibu ruka.
landmark = 📍 Nimepata. Kuna alama ya karibu ya kumsaidia dereva?
zones-body = 🛵 Uko eneo gani? Gharama ya kuleta huongezwa kwenye oda yako.
zones-button = Tazama maeneo
zone-fee = Kuleta { $amount }
place-pickup = Utachukua dukani
place-later = Tutakuuliza
place-pin = alama yako kwenye ramani

## Order and payment
summary-title = 🧾 *Oda { $ref }*
summary-delivery = Kuleta: { $amount }
summary-total = *Jumla { $total }*
summary-place = 📍 { $place }
summary-held = ⏳ Tunakuwekea kwa dakika { $minutes }, hadi { $time }.
summary-next = Chagua njia ya kulipa. Kulipia kwa namba nyingine, jibu mfano "mpesa 0722 000 111".
summary-next-person = Mtu kutoka dukani atakueleza jinsi ya kulipa.
edit-or-cancel = Jibu hariri au ghairi
choose-payment = Ungependa kulipa { $total } ya oda { $ref } kwa njia gani?
number-noted = Nitatoza { $phone }.
which-number = 📱 Tutoze namba gani? Ijibu hapa, mfano 0722 000 111.
method-mpesa = M-Pesa
method-airtel = Airtel Money
method-card = Kadi
method-cash = Pesa taslimu
prompt-sent = 📲 Angalia simu yako { $phone }: ombi la { $total } linakuja. Weka PIN yako kulipa. Hakuna kitu baada ya dakika moja? Jibu tuma tena.
prompt-sent-cash = 💵 Nimeandika: { $total } taslimu kwa oda { $ref }. Ziandae utakapopokea oda yako; risiti itakuja mara tu duka litakapopokea pesa.
waiting = ⏳ Tunasubiri { $method } ithibitishe { $total } ya oda { $ref }. Simu yako { $phone } ikikuuliza PIN, iweke huko, kamwe si hapa. Hakuna kilichokuja? Jibu *tuma tena*.
waiting-card = ⏳ Tunasubiri malipo yako ya kadi ya { $total } kwa oda { $ref }. Fungua kiungo nilichotuma ili kulipa. Hakuna kilichokuja? Jibu *tuma tena*.
waiting-cash = 💵 Oda { $ref } italipwa kwa pesa taslimu: { $total } utakapoipokea. Ungependa kulipa kwa njia nyingine?
checking = Ninahakikisha malipo moja kwa moja na { $method }; subiri kidogo.
one-moment = Nitakuandikia mara tu nikijua.
still-pending = ⏳ { $method } bado haijajibu kuhusu { $total }. Simu yako { $phone } ikikuuliza PIN, iweke ili kulipa. Kama umeshaiweka, usilipe tena: nitakuandikia mara tu yatakapofika.
still-pending-card = ⏳ Malipo yako ya kadi ya { $total } kwa oda { $ref } bado hayajafika. Kama umeshalipa, usilipe tena: nitakuandikia mara tu yatakapofika.
still-pending-cash = 💵 Duka bado halijaandika { $total } taslimu za oda { $ref }. Umeshalipa? Tunza namba ya oda yako: nitatuma risiti mara tu zikiandikwa.
unknown = Bado hatujapata jibu la { $method }. Kama uliweka PIN yako, usilipe tena: nitakuandikia mara tu litakapofika.
already-open = Malipo ya oda hii tayari yako njiani, hivyo sikuanzisha mengine. Tafadhali usilipe mara mbili; ninauliza { $method } sasa.
already-paid = Oda { $ref } tayari imelipwa. Hakuna kingine cha kufanya. 🙏
order-closed = Oda { $ref } imefungwa, hivyo hakuna kilichotozwa. Unaweza kuagiza tena wakati wowote.
cancel-payment-open = Malipo ya oda { $ref } bado yako wazi kwenye simu yako, hivyo siwezi kuighairi sasa. Yakatae huko, au subiri dakika moja; ninauliza { $method } sasa.
cancel-paid = Oda { $ref } tayari imelipwa, hivyo siwezi kuighairi hapa. Mtu kutoka dukani anaweza kusaidia.
card-link = 💳 Lipa { $total } ya oda { $ref } kwenye ukurasa huu salama. Nitakuandikia mara tu ikilipwa.
failed =
    { $why }

    Oda yako { $ref } ({ $total }) bado ipo.
failed-stands = Malipo ya mwisho hayakufanikiwa.
failed-insufficient-funds = 😕 Pesa hazikutosha kwenye akaunti yako ya { $method }, hivyo hakuna kilichotozwa.
failed-wrong-pin = 😕 { $method } inasema PIN haikuwa sahihi, hivyo hakuna kilichotozwa.
failed-cancelled = Ombi la { $method } lilighairiwa, hivyo hakuna kilichotozwa.
failed-timeout = 😕 Hakukuwa na jibu kwenye simu kwa wakati, hivyo hakuna kilichotozwa. Iweke karibu ikiwa imefunguliwa, kisha jaribu tena.
failed-busy = 😕 { $method } ilikuwa na ombi lingine kwenye laini yako. Tafadhali subiri dakika moja au mbili kisha jaribu tena.
failed-expired = 😕 Muda wa ombi la { $method } uliisha kabla ya kujibiwa, hivyo hakuna kilichotozwa.
failed-unavailable = 😕 { $method } haikuweza kufikia simu yako sasa hivi. Tafadhali jaribu tena baada ya dakika moja.
failed-unknown = 😕 { $method } haikukubali malipo. Tafadhali jaribu tena au chagua njia nyingine.
money-without-order = { $amount } zako zilifika baada ya oda { $ref } kufungwa. { $shop } imejulishwa na italeta bidhaa au kurudisha pesa.
no-open-payment = Sioni oda yako inayosubiri malipo. Kama umelipa na huna risiti, jibu *mtu* na mtu ataangalia. 🙏
order-cancelled = Oda { $ref } imeghairiwa. { $charged }
nothing-charged = Hakuna kilichotozwa.
decline-prompt = Simu yako ikiendelea kukuuliza PIN, tafadhali ikatae.
refused-nothing-to-ask = Bado hakuna malipo yaliyoanzishwa kwa oda hii.
refused-too-many-prompts = Simu yako imeombwa mara nyingi tayari. Tafadhali subiri dakika chache, au lipa kwa njia nyingine.
refused-other = Njia hiyo ya kulipa haiwezekani sasa. Tafadhali chagua nyingine.
order-reopened = ✏️ Oda { $ref } imerudi kwenye kikapu chako. Badilisha unachotaka, kisha maliza kununua.
order-empty = Kikapu chako ni kitupu, hivyo hakuna kilichoagizwa.
order-changed = Kuna kitu kimebadilika kwenye kikapu chako, hivyo bado hakuna kilichoagizwa.
nothing-to-cancel = Hakuna cha kughairi. 🙂
track-paid = Oda yako ya mwisho imelipwa. Nitakuandikia kila hatua; kwa jambo lingine mtu anaweza kusaidia.
track-none = Huna oda iliyo wazi. Tuanze moja?

## Receipt: this heading appears in receipts and nowhere else
receipt =
    🎉 Malipo yamefanikiwa!
    ━━━━━━━━━━━━━━━━━━━━
    RISITI / RECEIPT · { $shop }
    ━━━━━━━━━━━━━━━━━━━━
    Oda: { $ref }
    { $lines }
    Umelipa kwa: { $method }
    { $date }
    { $delivery }
    ━━━━━━━━━━━━━━━━━━━━
    Asante! 🙏 Tutakuandikia ikiwa njiani.
receipt-delivery = Kuleta
receipt-discount = Punguzo
receipt-total = Jumla uliyolipa
receipt-place = Tutaleta: { $place }
receipt-pickup = { $place }

## News of an order
news-preparing = 👩‍🍳 Habari njema: { $shop } inaandaa oda yako { $ref }.
news-dispatched = 🛵 Oda yako { $ref } iko njiani!
news-delivered = ✅ Oda yako { $ref } imefika. Asante kwa kununua { $shop }! 🙏
news-cancelled = Oda yako { $ref } imeghairiwa na { $shop }. Jibu *mtu* kama una swali.
news-expired = Oda yako { $ref } haikulipwa kwa wakati, hivyo tumeiachia. Hakuna kilichotozwa. Jibu *kikapu* kuendelea ulipoishia.

## Not understood, and other input
miss-again =
    Samahani, bado sijaelewa. { $hint }

    Ungependa kuongea na mtu?
hint-greeting = Bonyeza kitufe, au andika unachotafuta.
hint-promotions = Sijaelewa. Jibu *bidhaa* kuona tunachouza.
hint-product-selected = Sijaelewa. Tafadhali chagua kwenye orodha, au andika jina la bidhaa.
hint-choose-quantity = Tafadhali tuma namba, mfano 2.
hint-cart = Sijaelewa. Jibu *maliza*, namba ya mstari, au jina la bidhaa ya kuongeza.
hint-change-quantity = Tafadhali tuma namba, mfano 2, au 0 kuondoa.
hint-address-input = Tafadhali andika mahali pa kuleta (angalau herufi 3), tuma 📍 mahali ulipo, au jibu *ruka*.
hint-landmark = Tafadhali eleza alama ya karibu kwa maneno machache, au jibu *ruka*.
hint-zone-choice = Tafadhali chagua eneo lako kwenye orodha.
hint-payment-selection = Tafadhali chagua njia ya kulipa, mfano "mpesa 0722 000 111" kwa namba nyingine. Jibu *hariri* au *ghairi* ukibadili nia.
hint-payment-processing = Bado ninasubiri malipo yako.
hint-payment-failed = Tafadhali chagua: jaribu tena, njia nyingine, au ghairi oda.
hint-handed-off = Jibu *menyu* ili kurudi kwangu.
old-button = Kitufe hicho ni cha zamani, hivyo sikufanya kitu. Hapa ndipo ulipo sasa:
late = 🙏 Samahani, ujumbe wako ulinifikia umechelewa, hivyo sikufanya kitu nao. Hapa ndipo ulipo sasa:
secret-warning = 🔒 Tafadhali usitume kamwe namba za kadi au PIN kwenye gumzo: sikuihifadhi. Simu yako au ukurasa wa malipo utaiuliza kwa usalama.
other-image = Asante kwa picha! Ninaweza kusoma maneno na kubonyeza tu.
other-video = Asante kwa video! Ninaweza kusoma maneno na kubonyeza tu.
other-audio = Asante kwa sauti! Bado siwezi kusikiliza; tafadhali andika.
other-document = Asante kwa hati! Ninaweza kusoma maneno na kubonyeza tu.
other-sticker = 😄 Safi sana!
other-contact = Asante kwa namba hiyo. Tafadhali andika unachohitaji badala yake.
other-location = 📍 Asante. Nitauliza mahali ulipo wakati wa kumaliza kununua.
other-form = Asante, nimepokea.
other-number-changed = Asante, namba yako mpya imepokelewa na oda zako ziko salama.
other-unsupported = Bado siwezi kusoma ujumbe wa aina hiyo; tafadhali andika.
other-reaction = 😊 Asante! Jibu *menyu* wakati wowote ukinihitaji.
other-picture-of-payment = Ninahakikisha malipo moja kwa moja na huduma ya malipo, si kwa picha.

## Language
language-ask = Unapendelea lugha gani?
language-set = 👍 Nitaandika kwa Kiswahili.
language-only = Duka hili linaandika kwa lugha hii tu.

## When we fail
apology = Samahani, kuna hitilafu upande wetu na sikuweza kushughulikia ujumbe wako wa mwisho. Tafadhali utume tena, au jibu menyu.
flood = Hizo ni nyingi kuliko ninavyoweza kusoma kwa pamoja, hivyo sikuzisoma. Tafadhali tuma ya mwisho tena baada ya muda mfupi.
