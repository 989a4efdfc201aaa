# Anachosema boti kwa Kiswahili. Funguo na nafasi ni zilezile kwa kila lugha.

## Greeting and menu
hello = Habari! 👋
hello-name = Habari { $name }! 👋
greeting = { $hello } Karibu { $shop }. Nikusaidie nini leo?
greeting-again = 🔁 { $count ->
    [one] Bidhaa 1
   *[other] Bidhaa { $count }
 } hadi { $place }
greeting-cart = { $hello } Bado una { $count ->
        [one] bidhaa 1
       *[other] bidhaa { $count }
    } kwenye kikapu chako ({ $total }). Tuendelee?
order-waiting = 🧾 Oda yako { $ref } inasubiri malipo: { $total }. Ungependa kufanya nini?
closed = 🌙 Kwa sasa tumefunga. Unaweza kuagiza sasa; tutaishughulikia mara tutakapofungua.
closed-until = 🌙 Kwa sasa tumefunga. Unaweza kuagiza sasa; tutaanza kushughulikia oda { $when }.
help =
    Unaweza kuandika haya wakati wowote:
    • *bidhaa*: ona tunachouza
    • *ofa*: ona ofa zilizopo
    • *kikapu*: ona au badilisha kikapu chako
    • *oda*: jua oda yako imefika wapi
    • *rudi* au *ghairi*
    • *menyu*: anza upya
    • *mhudumu*: ongea na mtu wa duka

    Unaweza kubonyeza, au kuandika tu: "kahawa 2 na asali 1".
handed-off = 🙋 Mhudumu wa { $shop } atakujibu hapa. Andika *menyu* ukitaka kurudi kwangu.

## Buttons
button-menu = 🏠 Menyu
button-products = 🛍️ Tazama bidhaa
button-promotions = 🎉 Tazama ofa
button-again = 🔁 Agiza tena
button-same-again = 🔁 Agiza tena
button-cart = 🛒 Tazama kikapu
button-checkout = ✅ Kamilisha oda
button-add-more = ➕ Ongeza
button-new = 🛍️ Oda mpya
button-keep = Hapana, ziache
button-back = ⬅️ Rudi
button-cancel = ❌ Ghairi
button-help = ❓ Msaada
button-human = 🙋 Ongea na mhudumu
button-track = 🧾 Oda yangu
button-languages = 🌍 Lugha
button-take = Ndiyo, { $count }
button-other-quantity = Idadi nyingine
button-remove = 🗑️ Iondoe
button-empty = 🗑️ Toa zote
button-empty-yes = Ndiyo, toa zote
button-pickup = 🏪 Nitakuja kuchukua
button-same = 📍 Pale pale
button-same-place = 📍 { $place }
button-another-place = 📍 Anwani nyingine
button-someone = 🎁 Ya mtu mwingine
button-for-me = Ruka, ni yangu
button-skip = Ruka
button-elsewhere = 📍 Mahali pengine
button-tell = 🔔 Nijulishe
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
button-history = 🧾 Oda zangu
button-order = 🧾 Oda hii
button-receipt = 🧾 Nakala ya risiti
button-cancel-paid = ❌ Ghairi oda
button-cancel-yes = Ndiyo, ighairi
button-cancel-no = Hapana, iache
button-rate = ⭐ Kadiria
button-rate-good = 😀 Nzuri
button-rate-fair = 😐 Wastani
button-rate-poor = 😞 Mbaya
button-no-comment = Ruka
button-stop = 🔕 Acha
button-resume = 🔔 Anza tena
button-erase = 🗑️ Futa data yangu
button-erase-yes = Ndiyo, futa
button-erase-no = Hapana, usifute

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
price-from = kuanzia { $price }
variant-sold-out = 🚫 { $label }
did-you-mean =
    Ulimaanisha …?
    { $products }
product-name = *{ $product }*
product-gone = Bidhaa hiyo haiuzwi tena.
sold-out-now = { $product } imeisha kwa sasa. Nikujulishe itakapopatikana tena, au ungependa kitu kingine?
only-left = { $count ->
    [one] Imebaki 1 tu
   *[other] Zimebaki { $count } tu
}
how-many = Unataka ngapi? Jibu kwa namba, mfano 2
which-variant = Ungependa ipi? Bonyeza, au iandike.
variants-button = Tazama chaguo
only-left-take = { $count ->
    [one] Imebaki 1 tu. Utaichukua?
   *[other] Zimebaki { $count } tu. Utachukua { $count }?
}
line = { $quantity } × { $product } — { $amount }
line-short = { $quantity } × { $product }
and-more = … na { $count } zaidi
left-product = Sawa, sijaongeza chochote.
will-tell = 🔔 Nitakuandikia mara { $product } itakapopatikana tena.
back-in-stock = 🔔 Habari njema: { $product } inapatikana tena ({ $price })! Agiza kabla haijaisha.
basket-unknown = Nimeelewa { $known }, lakini sijaelewa "{ $unknown }", kwa hiyo bado sijaongeza chochote. Tafadhali chagua kwenye orodha au andika tena.
again-nothing = Bidhaa za oda yako ya mwisho hazipatikani kwa sasa. Hizi ndizo tulizo nazo:

## Promotions
promotions-title = 🎉 *Ofa zetu*
promotions-none = Kwa sasa hakuna ofa, lakini kuna mengi ya kuona.
promotion = ✨ *{ $title }*
promotion-code = Kuponi: *{ $code }*
promotion-until = Hadi { $date }
promo-noted = ✅ Kuponi { $code }: { $title }.
promo-saves = Umepunguziwa { $amount } kwenye kikapu hiki.
promo-not-yet = Haipunguzi bei ya kikapu hiki kwa sasa; nitaitumia mara tu itakapofaa.
promo-too-late = "{ $title }" hutumika kabla ya kuweka oda. Jibu *hariri* ili kurudisha oda hii kwenye kikapu, kisha andika kuponi.

## Cart
cart-title = 🛒 *Kikapu chako*
cart-line = { $number }. { $line }
cart-how = Kubadilisha bidhaa, jibu kwa namba yake. Kuiondoa, andika "ondoa 1".
cart-empty = 🛒 Bado hujaweka kitu kwenye kikapu. Tuanze kununua?
cart-empty-ask = Nitoe bidhaa zote kwenye kikapu chako ({ $count ->
        [one] bidhaa 1
       *[other] bidhaa { $count }
    })?
cart-short = Bidhaa { $count } — { $amount }
cart-short-discount = { $cart } (🎉 { $title }: −{ $off }, utalipa { $total })
cart-gone = { $count ->
    [one] Bidhaa moja uliyochagua haiuzwi tena.
   *[other] Bidhaa { $count } ulizochagua haziuzwi tena.
}
cart-sold-out = { $product } imeisha.
cart-fewer = { $count ->
    [one] Imebaki 1 × { $product } tu, kwa hiyo nimekuwekea hiyo.
   *[other] Zimebaki { $count } × { $product } tu, kwa hiyo nimekuwekea hizo.
}
cart-has-all = Tayari una { $product } zote zilizopo kwenye kikapu chako.
cart-new-price = Bei ya { $product } sasa ni { $amount }.
cart-less-discount = Punguzo uliloonyeshwa halitumiki tena.
promotion-used-up = Ofa "{ $title }" imeisha, kwa hiyo haitumiki tena.
promotion-used-by-you = Umeshatumia ofa "{ $title }" mara zote ambazo mteja mmoja anaruhusiwa.
cart-look-again = Tafadhali angalia tena kabla ya kuagiza:
change-quantity = Una { $count } × { $product } kwenye kikapu. Unataka ngapi sasa? Jibu kwa namba, au 0 kuiondoa.
discount-line = 🎉 { $title }: −{ $amount }
total-line = *Jumla { $total }*

## Address
address = 🛒 { $cart }. Tulete wapi? Andika mtaa, jengo au alama ya karibu, tuma 📍 mahali ulipo, au jibu ruka.
landmark = 📍 Nimepaona. Kuna alama gani karibu ya kumsaidia mtu wa bodaboda?
for-someone = Ni ya mtu mwingine? Jibu zawadi
another-place = 📍 Tulete wapi? Andika mtaa, jengo au alama ya karibu, au tuma mahali ulipo.
places-button = Chagua mahali
recipient = 🎁 Ni ya nani? Jibu kwa jina na namba ya simu kwa ajili ya dereva, mfano "Jane 0722 000 111". Wewe bado unalipa kwa simu yako. Jibu ruka kama ni yako.
recipient-noted = 🎁 Ni ya { $name }: dereva atapiga { $phone }.
place-for = kwa { $name }, { $phone }
zones-body = 🛵 Uko eneo gani? Gharama ya usafiri itaongezwa kwenye oda yako.
zones-button = Tazama maeneo
zone-fee = Usafiri { $amount }
zone-outside = Mahali ulipotuma ni nje ya eneo tunalofikia kwa umbali.
zones-no-area = Bado hatufikishi mahali hapo. Unaweza kuchukua dukani, au tuma mahali pengine. Mtu wa duka pia anaweza kukusaidia.
place-pickup = Utakuja kuchukua dukani
place-later = Tutakuuliza
place-pin = mahali ulipotuma kwenye ramani

## Order and payment
summary-title = 🧾 *Oda { $ref }*
summary-delivery = Usafiri: { $amount }
summary-total = *Jumla { $total }*
summary-place = 📍 { $place }
summary-held = ⏳ Tumekuwekea kwa dakika { $minutes }, hadi { $time }.
summary-next = Chagua njia ya kulipa. Kulipa kwa namba nyingine, jibu mfano "mpesa 0722 000 111".
summary-next-person = Mhudumu wa duka atakueleza jinsi ya kulipa.
edit-or-cancel = Jibu hariri au ghairi
choose-payment = Ungependa kulipa { $total } ya oda { $ref } kwa njia gani?
number-noted = Nitatuma ombi la malipo kwa { $phone }.
which-number = 📱 Nitume ombi la malipo kwa namba gani? Iandike hapa, mfano 0722 000 111.
method-mpesa = M-Pesa
method-airtel = Airtel Money
method-card = Kadi
method-cash = Pesa taslimu
prompt-sent = 📲 Angalia simu yako { $phone }: ombi la { $total } linakuja. Weka PIN yako kulipa. Usipoona kitu baada ya dakika moja, jibu *tuma tena*.
prompt-sent-cash = 💵 Nimeandika: { $total } taslimu kwa oda { $ref }. Ziandae utakapopokea oda yako; risiti itakuja duka likishapokea pesa.
waiting = ⏳ Tunasubiri { $method } ithibitishe { $total } za oda { $ref }. Simu yako { $phone } ikikuomba PIN, iweke kwenye simu, kamwe usiiandike hapa. Hujaona kitu? Jibu *tuma tena*.
waiting-card = ⏳ Tunasubiri malipo yako ya kadi ya { $total } kwa oda { $ref }. Fungua linki niliyokutumia ili kulipa. Hujaiona? Jibu *tuma tena*.
waiting-cash = 💵 Oda { $ref } italipiwa kwa pesa taslimu: { $total } utakapoipokea. Ungependa kulipa kwa njia nyingine?
checking = Ninathibitisha malipo moja kwa moja na { $method }; subiri kidogo.
one-moment = Nitakuandikia mara tu nitakapojua.
still-pending = ⏳ { $method } bado haijajibu kuhusu { $total }. Simu yako { $phone } ikikuomba PIN, iweke ili kulipa. Kama umeshaiweka, usilipe tena: nitakuandikia malipo yakifika.
still-pending-card = ⏳ Malipo yako ya kadi ya { $total } kwa oda { $ref } bado hayajafika. Kama umeshalipa, usilipe tena: nitakuandikia malipo yakifika.
still-pending-cash = 💵 Duka bado halijaandika { $total } taslimu za oda { $ref }. Umeshalipa? Tunza namba ya oda yako: nitakutumia risiti zikishaandikwa.
unknown = Bado hatujapata jibu la { $method }. Kama uliweka PIN yako, usilipe tena: nitakuandikia jibu likifika.
already-open = Tayari kuna malipo ya oda hii yanayoendelea, kwa hiyo sijaanzisha mengine. Tafadhali usilipe mara mbili; ninauliza { $method } sasa.
already-paid = Oda { $ref } imeshalipiwa. Hakuna kingine cha kufanya. 🙏
order-closed = Oda { $ref } imefungwa, kwa hiyo hakuna pesa iliyokatwa. Unaweza kuagiza tena wakati wowote.
cancel-payment-open = Malipo ya oda { $ref } bado yanasubiri kwenye simu yako, kwa hiyo siwezi kuighairi sasa. Yakatae kwenye simu, au subiri dakika moja; ninauliza { $method } sasa.
card-link = 💳 Lipia oda { $ref } ({ $total }) kwenye ukurasa huu salama. Nitakuandikia malipo yakifika.
failed =
    { $why }

    Oda yako { $ref } ({ $total }) bado ipo.
failed-stands = Malipo ya mwisho hayakufanikiwa.
failed-insufficient-funds = 😕 Salio lako la { $method } halikutosha, kwa hiyo hakuna pesa iliyokatwa.
failed-wrong-pin = 😕 { $method } inasema PIN haikuwa sahihi, kwa hiyo hakuna pesa iliyokatwa.
failed-cancelled = Ombi la { $method } lilikataliwa kwenye simu, kwa hiyo hakuna pesa iliyokatwa.
failed-timeout = 😕 Ombi halikujibiwa kwenye simu kwa wakati, kwa hiyo hakuna pesa iliyokatwa. Fungua simu yako, iwe karibu nawe, kisha jaribu tena.
failed-busy = 😕 { $method } ilikuwa na ombi lingine kwenye laini yako. Tafadhali subiri dakika moja au mbili, kisha jaribu tena.
failed-expired = 😕 Muda wa ombi la { $method } uliisha kabla ya kujibiwa, kwa hiyo hakuna pesa iliyokatwa.
failed-unavailable = 😕 { $method } haikuweza kuipata simu yako sasa hivi. Tafadhali jaribu tena baada ya dakika moja.
failed-unknown = 😕 { $method } haikukubali malipo. Tafadhali jaribu tena au chagua njia nyingine.
refund-sent = ↩️ { $shop } imekurudishia { $amount } za oda { $ref }. Kumbukumbu: { $reference }. Hujazipata baada ya siku moja? Jibu *mtu*.
money-without-order = Pesa zako { $amount } zilifika baada ya oda { $ref } kufungwa. { $shop } wamejulishwa na watakuletea bidhaa au kukurudishia pesa.
no-open-payment = Sioni oda yako inayosubiri malipo. Kama umelipa na hujapata risiti, jibu *mhudumu* ili uangaliziwe. 🙏
order-cancelled = Oda { $ref } imeghairiwa. { $charged }
nothing-charged = Hakuna pesa iliyokatwa.
decline-prompt = Simu yako ikiendelea kukuomba PIN, tafadhali kataa.
refused-nothing-to-ask = Bado hakuna malipo yaliyoanzishwa kwa oda hii.
refused-too-many-prompts = Simu yako imeshatumiwa maombi mengi. Tafadhali subiri dakika chache, au lipa kwa njia nyingine.
refused-other = Njia hiyo ya kulipa haiwezekani sasa. Tafadhali chagua nyingine.
order-reopened = ✏️ Oda { $ref } imerudi kwenye kikapu chako. Badilisha unachotaka, kisha kamilisha oda.
order-empty = Hakuna kitu kwenye kikapu chako, kwa hiyo hakuna kilichoagizwa.
order-changed = Kuna kitu kimebadilika kwenye kikapu chako, kwa hiyo bado hakuna kilichoagizwa.
nothing-to-cancel = Hakuna cha kughairi. 🙂
track-none = Huna oda inayoendelea. Tuanze moja?

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
    { $thanks }
receipt-thanks = Asante! 🙏 Tutakuandikia ikiwa njiani.
receipt-copy =
    🧾 Nakala ya risiti yako
    ━━━━━━━━━━━━━━━━━━━━
    RISITI / RECEIPT · { $shop }
    ━━━━━━━━━━━━━━━━━━━━
    Oda: { $ref }
    { $lines }
    Umelipa kwa: { $method }
    { $date }
    { $delivery }
    ━━━━━━━━━━━━━━━━━━━━
receipt-delivery = Usafiri
receipt-discount = Punguzo
receipt-total = Jumla uliyolipa
receipt-place = Tutaleta: { $place }
receipt-pickup = { $place }

## News of an order
news-preparing = 👩‍🍳 Habari njema: { $shop } wanaandaa oda yako { $ref }.
news-dispatched = 🛵 Oda yako { $ref } iko njiani!
news-delivered = ✅ Oda yako { $ref } imefika. Asante kwa kununua kutoka { $shop }! 🙏
news-cancelled = Oda yako { $ref } imeghairiwa na { $shop }. Jibu *mhudumu* kama una swali.
news-expired = Oda yako { $ref } haikulipiwa kwa wakati, kwa hiyo tumeifuta. Hakuna pesa iliyokatwa. Jibu *kikapu* kuendelea ulipoishia.

## After the sale
stands-pending-payment = Oda { $ref } inasubiri malipo ya { $total }. Tunakuwekea hadi { $time }.
stands-paid = Oda { $ref } imelipwa. { $shop } itaiandaa sasa, na nitakuandikia kila hatua.
stands-preparing = 👩‍🍳 { $shop } inaandaa oda { $ref }. Ikitoka njiani nitakuandikia.
stands-dispatched = 🛵 Oda { $ref } iko njiani kuja kwako.
stands-dispatched-pickup = 🏪 Oda { $ref } iko tayari, inakusubiri { $shop }.
stands-delivered = ✅ Oda { $ref } imefika.
stands-cancelled = Oda { $ref } ilighairiwa. Hakuna kilichotozwa.
stands-cancelled-paid = Oda { $ref } ilighairiwa baada ya kulipwa: { $shop } inakudaiwa { $total } au imeshakurudishia.
stands-expired = Oda { $ref } haikulipwa kwa wakati na imefungwa. Hakuna kilichotozwa.
status-pending-payment = inasubiri malipo
status-paid = imelipwa
status-preparing = inaandaliwa
status-dispatched = iko njiani
status-delivered = imefika
status-cancelled = imeghairiwa
status-expired = haikulipwa
rider = Dereva: { $rider }
history-body = 🧾 Oda zako za mwisho. Bonyeza hapa chini kufungua moja.
history-button = Tazama oda
history-row = { $total } · { $status } · { $date }
receipt-none = Bado sina risiti yako: kila oda iliyolipwa ina risiti yake.
again-gone = { $product } haipo tena.
cancel-paid-ask = Nighairi oda { $ref }? Imeshalipwa: { $shop } itakurudishia { $total }, na bidhaa zitarudi dukani.
cancel-kept = 👍 Oda { $ref } inabaki kama ilivyo.
cancel-on-its-way = Oda { $ref } tayari iko njiani, hivyo siwezi kuighairi hapa. Mtu kutoka dukani anaweza kusaidia.
refund-due = { $shop } imejulishwa na itakurudishia { $total }.
reminder = ⏰ Tunakuwekea oda { $ref } ({ $total }) hadi { $time } tu. Tuimalize?
rate-ask = Oda { $ref } ilikuwaje?
rate-none = Bado hakuna cha kukadiria: nitakuuliza oda yako ikifika.
rate-not-kept = 🙏 Asante! Oda { $ref } ilishakadiriwa, au bado haijafika.
rated = 🙏 Asante kwa kutuambia!
rated-poor = 😞 Pole sana, na asante kwa kutuambia. Ungependa kuongea na mtu?
comment-ask = 🙏 Asante! Kuna kingine ungependa kuongeza? Andika mstari mmoja, au jibu ruka.
comment-ask-poor = 😞 Pole sana, na asante kwa kutuambia. Nini hakikwenda sawa? Andika mstari mmoja, au ongea na mtu.
comment-thanks = 🙏 Asante, nimewafikishia.
stopped = 👍 Sitakutumia tena vikumbusho, ofa wala maswali. Risiti na habari za oda zako bado zitakuja. Jibu *anza* ukitaka mengine tena.
resumed = 👍 Karibu tena: nitakuandikia ofa na vikumbusho. Jibu *stop* wakati wowote.
erase-ask = Nifute yote ambayo { $shop } inajua kukuhusu: jina, namba, anwani na ujumbe wako? Vitabu vya duka vinabaki na kilichonunuliwa, bila jina lako. Haiwezi kurudishwa.
erase-kept = 👍 Hakuna kilichofutwa.
erase-done = 👋 Tayari: taarifa zako zinafutwa sasa. Huu ni ujumbe wangu wa mwisho, ila ukiandika tena tutaanza upya.
erase-unpaid = Oda { $ref } bado iko wazi. Ilipe au ighairi kwanza, kisha niombe tena.
erase-undelivered = Oda { $ref } imelipwa na bado haijafika. Niombe tena ikishafika.
erase-payment = Malipo ya oda { $ref } bado yako wazi. Niombe tena yakiisha: ndani ya siku tatu.
erase-money = { $ref } bado ina pesa za kumalizana nawe. Niombe tena duka likishazituma.
delivery-noted = 📍 Nimemwandikia dereva: { $line }
delivery-not-noted = Sikuweza kuongeza hilo kwenye oda. Mtu anaweza kusaidia: jibu *mtu*.

## Not understood, and other input
miss-again =
    Samahani, bado sijaelewa. { $hint }

    Ungependa kuongea na mhudumu?
hint-greeting = Bonyeza kitufe, au andika unachotafuta.
hint-promotions = Sijaelewa. Jibu *bidhaa* kuona tunachouza.
hint-product-selected = Sijaelewa. Tafadhali chagua kwenye orodha, au andika jina la bidhaa.
hint-variant-choice = Sijaelewa. Tafadhali chagua kwenye orodha, au andika ungependa ipi.
hint-choose-quantity = Tafadhali tuma namba, mfano 2.
hint-cart = Sijaelewa. Jibu *kamilisha*, namba ya bidhaa, au jina la bidhaa ya kuongeza.
hint-change-quantity = Tafadhali tuma namba, mfano 2, au 0 kuiondoa.
hint-address-input = Tafadhali andika mahali pa kuleta (angalau herufi 3), tuma 📍 mahali ulipo, au jibu *ruka*.
hint-landmark = Tafadhali eleza alama ya karibu kwa maneno machache, au jibu *ruka*.
hint-recipient = Tafadhali jibu kwa jina na namba ya simu, mfano "Jane 0722 000 111", au *ruka*.
hint-zone-choice = Tafadhali chagua eneo lako kwenye orodha.
hint-payment-selection = Tafadhali chagua njia ya kulipa, mfano "mpesa 0722 000 111" kwa namba nyingine. Jibu *hariri* au *ghairi* ukibadili nia.
hint-payment-processing = Bado ninasubiri malipo yako.
hint-payment-failed = Tafadhali chagua: jaribu tena, njia nyingine, au ghairi oda.
hint-cancel-confirm = Tafadhali jibu *ndiyo* kughairi oda, au *hapana* kuiacha.
hint-rating-comment = Andika mstari mmoja, au jibu *ruka*.
hint-erase-confirm = Tafadhali jibu *ndiyo* kufuta taarifa zako, au *hapana* kuziacha.
hint-handed-off = Jibu *menyu* ili kurudi kwangu.
old-button = Kitufe hicho ni cha zamani, kwa hiyo sijafanya chochote. Hapa ndipo ulipo sasa:
late = 🙏 Samahani, ujumbe wako ulichelewa kunifikia, kwa hiyo sikuufanyia kazi. Hapa ndipo ulipo sasa:
secret-warning = 🔒 Tafadhali usitume kamwe namba ya kadi au PIN kwenye chat: sikuihifadhi. Simu yako au ukurasa wa malipo utakuomba kwa njia salama.
other-image = Asante kwa picha! Naweza kusoma maandishi na vitufe tu.
other-video = Asante kwa video! Naweza kusoma maandishi na vitufe tu.
other-audio = Asante kwa ujumbe wa sauti! Bado siwezi kusikiliza; tafadhali andika.
other-document = Asante kwa faili! Naweza kusoma maandishi na vitufe tu.
other-sticker = 😄 Safi sana!
other-contact = Asante kwa mawasiliano hayo. Tafadhali andika unachohitaji.
other-location = 📍 Asante. Nitakuuliza mahali pa kuleta ukikamilisha oda.
other-form = Asante, nimepokea.
other-number-changed = Asante, nimepokea namba yako mpya, na oda zako zipo salama.
other-unsupported = Bado siwezi kusoma ujumbe wa aina hiyo; tafadhali andika.
other-reaction = 😊 Asante! Jibu *menyu* wakati wowote ukinihitaji.
other-picture-of-payment = Ninathibitisha malipo moja kwa moja na huduma ya malipo, si kwa picha.

## Language
language-ask = Ungependa lugha gani?
language-set = 👍 Nitaandika kwa Kiswahili.
language-only = Duka hili linatumia lugha hii tu.

## When we fail
apology = Samahani, kuna tatizo upande wetu na sikuweza kujibu ujumbe wako wa mwisho. Tafadhali utume tena, au jibu menyu.
flood = Jumbe hizo ni nyingi kuliko ninavyoweza kusoma kwa mara moja, kwa hiyo sikuzisoma. Tafadhali tuma wa mwisho tena baada ya muda mfupi.

## The shop's owner
owner-paid = 🛒 Imelipwa: oda { $ref }, { $total }
    { $items }
    Ya { $name }
    Jibu *1* kuthibitisha: mteja ataambiwa kuwa unaiandaa.
owner-confirmed = 👩‍🍳 Oda { $ref } inaandaliwa, na mteja ameambiwa.
owner-nothing-to-confirm = Hakuna oda iliyolipwa inayosubiri kuthibitishwa.
owner-help = Namba hii inapokea ujumbe wa duka. Jibu *1* kwa oda iliyolipwa ili kuithibitisha; mengine yote yako kwenye ukurasa wa mwenye duka.
owner-needs = ⚠️ { $shop } inakuhitaji: { $needs }. Angalia ukurasa wa mwenye duka.
owner-need-person = wateja wanaosubiri mtu: { $count }
owner-need-money = pesa zisizo na oda au za kurudisha: { $count }
owner-need-payment = malipo yasiyo na uhakika: { $count }
owner-need-message = ujumbe ambao haukufika: { $count }
owner-need-stock = bidhaa zinazokaribia kuisha: { $count }
owner-summary = 📒 { $shop } leo
    Oda: { $orders }, zilizolipwa: { $paid }
    Mapato: { $taken }, kwa M-Pesa { $mpesa }
    Tofauti na vitabu: { $difference }
    Yanayokusubiri: { $open }
    Zinazokaribia kuisha: { $low }
