// The phones of the sandbox: draws what the server knows, sends what the customer does.
// Words from outside reach the page as text nodes only.
"use strict";

const page = JSON.parse(document.getElementById("page-data").textContent);
const $ = (id) => document.getElementById(id);
const SAFE_ORIGINS = new Set([...page.origins, location.origin]);
const WIDE = window.matchMedia("(min-width: 700px)");
const SVG = "http://www.w3.org/2000/svg";

const PRESETS = [
  ["Amina Wanjiku", "254712345678", "Kenya · Safaricom"], ["Brian Otieno", "254733200300", "Kenya · Airtel"],
  ["Neema Mushi", "255754321098", "Tanzania · Vodacom"], ["Juma Kassim", "255784112233", "Tanzania · Airtel"],
];
const PLACES = [
  ["Moi Avenue", "Moi Avenue, Nairobi", -1.2841, 36.8258], ["Westlands", "Waiyaki Way, Nairobi", -1.2676, 36.8108],
  ["Nyali", "Links Road, Mombasa", -4.0308, 39.6930], ["Kariakoo", "Kariakoo, Dar es Salaam", -6.8196, 39.2746],
  ["Masaki", "Haile Selassie Road, Dar es Salaam", -6.7479, 39.2790],
];
const QUICK = [
  ["Lose the next payment webhook", { direction: "payments", kind: "drop", times: 1 }],
  ["Messages and payments come twice", { direction: "payments", kind: "duplicate", times: null, value: 2 }, { direction: "messages", kind: "duplicate", times: null, value: 2 }],
  ["Order taken, answer lost", { direction: "order", kind: "timeout_after", times: 1 }],
  ["Next 3 sends fail with 500", { direction: "send", kind: "error500", times: 3 }],
  ["Forge a payment webhook", { direction: "payments", kind: "bad_signature", times: 1 }],
];
const WHERE = {
  messages: "customer messages", statuses: "ticks (statuses)", payments: "payment webhooks", api: "all answers of the API",
  send: "answers: sending", order: "answers: ordering", query: "answers: asking",
};
const WHAT = {
  duplicate: "duplicate", delay: "delay", reorder: "reorder", drop: "drop", error500: "answer 500", error429: "answer 429",
  timeout_before: "time out before the effect", timeout_after: "time out after the effect",
  ignore_idempotency: "ignore idempotency", garbage: "garbage", bad_signature: "forged signature",
};

// --- small makers ---------------------------------------------------------------------------------

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function button(className, label, action, ...children) {
  const element = make("button", className, ...(children.length ? children : [label]));
  element.type = "button";
  if (children.length) element.setAttribute("aria-label", label);
  element.addEventListener("click", action);
  return element;
}

function icon(name, className) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  if (className) svg.setAttribute("class", className);
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

function carrierOf(number) {
  if (/^(254(73|78|10)|255(78|68|69))/u.test(number)) return "Airtel";
  if (number.startsWith("254")) return "Safaricom";
  return number.startsWith("255") ? "Vodacom" : "Mobile";
}

function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

const clockText = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

let toastTimer = 0;
function toast(words) {
  $("toast").textContent = words;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 4500);
}

async function post(path, body = {}) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (answer.ok) return true;
    const problem = await answer.json();
    toast(problem.error.message);
  } catch {
    toast("The sandbox does not answer. Is it still running?");
  }
  return false;
}

// --- WhatsApp's text formatting ---------------------------------------------------------------------

const MARKS = [
  [/```([\s\S]+?)```/u, "code"],
  [/(?<![\p{L}\p{N}`])`([^`\n]+)`(?![\p{L}\p{N}`])/u, "code"],
  [/(?<![\p{L}\p{N}*])\*(?!\s)([^*\n]+?)(?<!\s)\*(?![\p{L}\p{N}*])/u, "strong"],
  [/(?<![\p{L}\p{N}_])_(?!\s)([^_\n]+?)(?<!\s)_(?![\p{L}\p{N}_])/u, "em"],
  [/(?<![\p{L}\p{N}~])~(?!\s)([^~\n]+?)(?<!\s)~(?![\p{L}\p{N}~])/u, "s"],
  [/https?:\/\/[^\s<>"]+[^\s<>".,;:!?)]/u, "a"],
];

function formatInto(parent, text) {
  let rest = text;
  while (rest) {
    let first = null;
    for (const [pattern, tag] of MARKS) {
      const match = pattern.exec(rest);
      if (match && (!first || match.index < first.match.index)) first = { match, tag };
    }
    if (!first) break;
    const { match, tag } = first;
    if (match.index) parent.append(rest.slice(0, match.index));
    const element = make(tag);
    if (tag === "a") {
      element.href = match[0];
      element.target = "_blank";
      element.rel = "noopener noreferrer";
      element.textContent = match[0];
    } else if (tag === "code") {
      element.textContent = match[1];
    } else {
      formatInto(element, match[1]);
    }
    parent.append(element);
    rest = rest.slice(match.index + match[0].length);
  }
  if (rest) parent.append(rest);
}

function formatted(text) {
  const box = make("div", "words-text");
  // A line drawn with box characters is cut at the edge rather than folded, as a receipt's rule should be.
  let plain = [];
  const flush = () => { if (plain.length) formatInto(box, plain.join("\n")); plain = []; };
  for (const line of text.split("\n")) {
    if (/^[━─═]{6,}$/u.test(line)) {
      flush();
      box.append(make("span", "rule-line", line));
    } else {
      plain.push(line);
    }
  }
  flush();
  return box;
}

// --- one bubble -----------------------------------------------------------------------------------

function pictureBox(media, what) {
  const url = webAddress(media.link || "");
  if (!url || !SAFE_ORIGINS.has(url.origin)) {
    return make("div", "no-picture", icon("image"), media.link ? `${what} at ${url ? url.host : media.link}` : what);
  }
  const image = make("img", "picture");
  image.alt = media.caption || what;
  image.addEventListener("error", () => image.replaceWith(make("div", "no-picture", icon("image"), `This picture does not load: ${url.pathname}`)));
  image.src = url.href;
  return image;
}

function placeBox(place) {
  const name = place.name || `${place.latitude}, ${place.longitude}`;
  return [make("div", "map", icon("pin")), make("div", "inside", make("strong", "", name), make("div", "foot-text", place.address || ""))];
}

class PhoneView {
  constructor(number) {
    this.number = number;
    this.version = -1;
    this.lines = new Map();
    this.noticed = new Set();
    this.promptId = "";
    this.reading = -1;
    this.element = $("phone-template").content.firstElementChild.cloneNode(true);
    const find = (selector) => this.element.querySelector(selector);
    [this.chat, this.under, this.overlay, this.notices, this.presence, this.words, this.menu, this.hint] =
      [".chat", ".under", ".overlay", ".notices", ".presence", ".words", ".attach-menu", ".hint"].map(find);
    find(".shop").textContent = page.shop;
    find(".hi").addEventListener("click", () => { this.say("Hi"); this.words.focus({ preventScroll: true }); });
    find(".composer").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.words.value;
      if (text.trim()) { this.words.value = ""; this.say(text); }
    });
    find(".close-phone").addEventListener("click", () => hidePhone(this.number));
    this.attach = find(".attach");
    this.attach.addEventListener("click", () => this.toggleMenu());
    this.menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { this.toggleMenu(false); this.attach.focus(); }
    });
    this.overlay.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.promptId) this.closeOverlay();
    });
    this.overlay.addEventListener("click", (event) => {
      if (event.target === this.overlay && !this.promptId) this.closeOverlay();
    });
    // Pictures load and phones shrink after a message is drawn: whoever is at the end stays there.
    this.atEnd = true;
    this.chat.addEventListener("scroll", () => { this.atEnd = this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < 60; });
    this.chat.addEventListener("load", () => this.keepEnd(), true);
    new ResizeObserver(() => this.keepEnd()).observe(this.chat);
    this.fillMenu();
    this.typing = make("div", "line typing-line", make("div", "bubble", make("i"), make("i"), make("i")));
    this.typing.setAttribute("aria-hidden", "true");
  }

  keepEnd() { if (this.atEnd) this.chat.scrollTop = this.chat.scrollHeight; }

  get base() { return `/control/phones/${this.number}`; }

  say(text) { return post(`${this.base}/say`, { text }); }

  tap(id, messageId) { return post(`${this.base}/tap`, { id, message_id: messageId }); }

  send(raw) { this.toggleMenu(false); return post(`${this.base}/send`, raw); }

  // -- drawing

  draw(phone) {
    this.name = phone.name;
    this.element.setAttribute("aria-label", `Phone of ${phone.name}`);
    const owner = this.element.querySelector(".owner");
    owner.replaceChildren(make("b", "", phone.name), `+${phone.number}`);
    this.element.querySelector(".carrier").textContent = carrierOf(phone.number);
    this.presence.textContent = phone.typing ? "typing…" : "online";
    if (phone.version !== this.version) {
      this.version = phone.version;
      this.drawMessages(phone);
      this.drawNotices(phone.notices);
    }
    this.drawPrompt(phone.prompts);
    this.markRead(phone);
  }

  drawMessages(phone) {
    const ids = new Set(phone.messages.map((message) => message.id));
    for (const [id, line] of this.lines) if (!ids.has(id)) { line.remove(); this.lines.delete(id); }
    const first = this.lines.size === 0;
    let previous = "";
    let added = false;
    this.byId = new Map(phone.messages.map((message) => [message.id, message]));
    for (const message of phone.messages) {
      if (message.type === "reaction") { this.drawReaction(message); continue; }
      let line = this.lines.get(message.id);
      if (!line) {
        line = this.line(message, previous === message.from);
        if (!first) line.classList.add("new");
        this.chat.append(line);
        this.lines.set(message.id, line);
        added = true;
      }
      previous = message.from;
      this.drawTicks(line, message);
    }
    this.hint.hidden = phone.messages.length > 0;
    if (phone.typing) this.chat.append(this.typing); else this.typing.remove();
    if (added || phone.typing) { this.atEnd = true; requestAnimationFrame(() => this.keepEnd()); }
  }

  drawReaction(message) {
    const reaction = message.payload.reaction;
    const line = this.lines.get(reaction.message_id);
    if (!line) return;
    const bubble = line.querySelector(".bubble");
    bubble.querySelector(".reaction")?.remove();
    line.classList.toggle("reacted", Boolean(reaction.emoji));
    if (reaction.emoji) bubble.append(make("span", "reaction", reaction.emoji));
  }

  drawTicks(line, message) {
    if (message.from !== "customer" || line.dataset.status === message.status) return;
    line.dataset.status = message.status;
    const spot = line.querySelector(".ticks");
    const says = { sent: "Sent", delivered: "Delivered", read: "Read", failed: "Not sent" }[message.status] || "";
    spot.replaceChildren(message.status === "failed" ? make("span", "failed", "!") : icon(message.status === "sent" ? "tick" : "ticks", message.status));
    spot.title = says;
    spot.setAttribute("aria-label", says);
    spot.setAttribute("role", "img");
  }

  line(message, same) {
    const mine = message.from === "customer";
    const line = make("div", `line${mine ? " mine" : ""}${same ? " same" : ""}`);
    const bubble = make("div", "bubble");
    line.append(bubble);
    const stamp = make("span", "stamp", clockText(message.at), make("span", "ticks"));
    const inside = make("div", "inside");
    if (message.quoted) this.addQuote(inside, message);
    const taps = make("div", "taps");
    this.fill(message, bubble, inside, taps, line);
    inside.append(stamp);
    bubble.append(inside);
    if (taps.childElementCount) { bubble.append(taps); bubble.classList.add("wide"); }
    if (bubble.querySelector(".picture, .no-picture, .map")) bubble.classList.add("wide");
    return line;
  }

  addQuote(inside, message) {
    const quoted = this.byId.get(message.quoted);
    if (!quoted) return;
    const words = quoted.text.split("\n").find((part) => part.trim()) || quoted.type;
    const quote = button("quote", "", () => this.lines.get(quoted.id)?.scrollIntoView({ block: "center", behavior: "smooth" }));
    quote.replaceChildren(make("b", "", quoted.from === "shop" ? page.shop : "You"), make("span", "", words.replace(/[*_~`]/gu, "")));
    inside.append(quote);
  }

  fill(message, bubble, inside, taps, line) {
    const part = message.payload[message.type] || {};
    switch (message.type) {
      case "text":
      case "button":
        inside.append(formatted(message.text));
        break;
      case "interactive":
        this.fillInteractive(message, part, bubble, inside, taps);
        break;
      case "image":
        bubble.append(pictureBox(part, "Picture"));
        if (part.caption) inside.append(formatted(part.caption));
        break;
      case "location":
        bubble.append(...placeBox(part).map((box) => { box.classList.toggle("inside", false); return box; }));
        bubble.lastElementChild.classList.add("inside");
        break;
      case "audio":
        inside.append(make("div", "file", icon("mic"), make("span", "wave"), "0:07"));
        break;
      case "document":
        inside.append(make("div", "file", icon("file"), make("span", "", part.filename || "Document")));
        if (part.caption) inside.append(formatted(part.caption));
        break;
      case "contacts":
        inside.append(make("div", "file", icon("person"), make("strong", "", part[0]?.name?.formatted_name || "Contact")));
        break;
      case "sticker":
        line.classList.add("bare");
        inside.append(make("div", "sticker", "🥳"));
        break;
      case "template":
        inside.append(make("div", "foot-text", `Template ${part.name} · ${part.language?.code}`), formatted(message.text.replace(/^\[.*?\] ?·? ?/u, "").split(" · ").join("\n")));
        break;
      default:
        inside.append(formatted(message.text));
    }
  }

  fillInteractive(message, part, bubble, inside, taps) {
    const reply = part.button_reply || part.list_reply;
    if (reply) {
      inside.append(formatted(reply.title));
      if (reply.description) inside.append(make("div", "foot-text", reply.description));
      return;
    }
    const header = part.header || {};
    if (header.type === "image") bubble.append(pictureBox(header.image, "Picture"));
    else if (header.type === "text") inside.append(make("div", "head-text", header.text));
    else if (header.type) inside.append(make("div", "file", icon("file"), header.type));
    inside.append(formatted(part.body?.text || ""));
    if (part.footer) inside.append(make("div", "foot-text", part.footer.text));
    const action = part.action || {};
    if (part.type === "button") {
      for (const { reply: choice } of action.buttons) {
        taps.append(button("tap", choice.title, () => this.tap(choice.id, message.id), icon("reply"), choice.title));
      }
    } else if (part.type === "list") {
      taps.append(button("tap", action.button, () => this.openList(message, action), icon("list"), action.button));
    } else if (part.type === "cta_url") {
      const { display_text: words, url } = action.parameters;
      const address = webAddress(url);
      if (address && address.origin === location.origin && address.pathname.startsWith("/pay/")) {
        taps.append(button("tap", words, () => this.openBrowser(address, words), icon("open"), words));
      } else if (address) {
        const link = make("a", "tap", icon("open"), words);
        link.href = address.href;
        link.target = "_blank";
        link.rel = "noopener noreferrer";
        taps.append(link);
      }
    } else if (part.type === "location_request_message") {
      taps.append(button("tap", "Send location", () => this.openPlaces(), icon("pin"), "Send location"));
    }
  }

  // -- what lies over the phone

  cover(className, ...children) {
    this.overlay.className = `overlay ${className}`;
    this.overlay.replaceChildren(...children);
    this.overlay.hidden = false;
    this.under.inert = true;
    this.toggleMenu(false);
  }

  closeOverlay() {
    this.overlay.hidden = true;
    this.overlay.replaceChildren();
    this.under.inert = false;
    this.words.focus({ preventScroll: true });
  }

  sheet(title, body, foot, className = "") {
    const heading = make("h2", "", title);
    const sheet = make("div", `sheet ${className}`, make("div", "sheet-head", button("icon-button", "Close", () => this.closeOverlay(), icon("close")), heading), body, foot);
    sheet.setAttribute("role", "dialog");
    sheet.setAttribute("aria-label", title);
    this.cover("", sheet);
    return sheet;
  }

  openList(message, action) {
    const body = make("form", "sheet-body");
    const send = button("button", "Send", () => {
      const row = body.elements.row.value;
      if (row) { this.closeOverlay(); this.tap(row, message.id); }
    });
    send.disabled = true;
    body.addEventListener("change", () => { send.disabled = false; });
    body.addEventListener("submit", (event) => { event.preventDefault(); send.click(); });
    for (const section of action.sections) {
      if (section.title) body.append(make("h3", "section-title", section.title));
      for (const row of section.rows) {
        const radio = make("input");
        Object.assign(radio, { type: "radio", name: "row", value: row.id });
        radio.addEventListener("keydown", (event) => { if (event.key === "Enter") { radio.checked = true; send.disabled = false; send.click(); } });
        body.append(make("label", "option", make("span", "", row.title, row.description ? make("small", "", row.description) : null), radio));
      }
    }
    // One radio alone is no list: make ``elements.row`` a list always.
    if (body.querySelectorAll("input").length === 1) { const spare = make("input"); Object.assign(spare, { type: "radio", name: "row", hidden: true, disabled: true }); body.append(spare); }
    this.sheet(action.button, body, make("div", "sheet-foot", send));
    body.querySelector("input").focus();
  }

  openPlaces() {
    const body = make("div", "sheet-body");
    const go = (place) => { this.closeOverlay(); post(`${this.base}/location`, place); };
    for (const [name, address, latitude, longitude] of PLACES) {
      body.append(button("option place", `${name}, ${address}`, () => go({ name, address, latitude, longitude }), icon("pin"), make("span", "", name, make("small", "", address))));
    }
    const form = make("form", "coordinates");
    const field = (name, value) => { const input = make("input"); Object.assign(input, { name, value, inputMode: "decimal", required: true }); return input; };
    const [latitude, longitude] = [field("latitude", "-1.2921"), field("longitude", "36.8219")];
    const send = make("button", "button", "Send pin");
    form.append(make("label", "", "Latitude", latitude), make("label", "", "Longitude", longitude), send);
    form.addEventListener("submit", (event) => { event.preventDefault(); go({ latitude: latitude.value, longitude: longitude.value }); });
    body.append(form);
    this.sheet("Send location", body).querySelector(".place").focus();
  }

  openBrowser(address, title) {
    const frame = make("iframe");
    frame.title = title;
    frame.src = address.pathname;
    this.sheet(address.host, frame, null, "browser");
    frame.focus();
  }

  drawPrompt(prompts) {
    const prompt = prompts[0];
    const id = prompt ? prompt.id : "";
    if (id === this.promptId) return;
    const was = this.promptId;
    this.promptId = id;
    if (!prompt) { if (was) this.closeOverlay(); return; }
    const airtel = prompt.method === "airtel";
    const brand = airtel ? "Airtel Money" : "M-PESA";
    const settle = (outcome, extra) => post(`/control/orders/${id}/pay`, { outcome, ...extra });
    const form = make("form");
    form.autocomplete = "off";
    const pin = make("input");
    Object.assign(pin, { type: "password", name: "pin", inputMode: "numeric", maxLength: 4, value: "1234", autocomplete: "off" });
    const error = make("p", "pin-error");
    error.setAttribute("role", "alert");
    error.hidden = true;
    const pay = make("button", "", "Pay");
    form.append(
      make("p", "", `Do you want to pay ${prompt.money} to ${prompt.shop}${prompt.description ? ` for ${prompt.description}` : ""}?`),
      make("label", "", `Enter ${airtel ? "Airtel Money" : "M-PESA"} PIN`, pin), error,
      make("p", "pin-hint", "Demo PIN 1234. Any four digits pay; 0000 is wrong."),
      make("div", "sim-actions", button("", "Cancel", () => settle("cancel")), pay),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      error.hidden = /^[0-9]{4}$/u.test(pin.value);
      if (!error.hidden) { error.textContent = "A PIN has four digits."; pin.focus(); return; }
      post(`/control/orders/${id}/pin`, { pin: pin.value });
    });
    const sim = make("div", `sim${airtel ? " airtel" : ""}`, make("h2", "", brand, prompts.length > 1 ? make("small", "", `1 of ${prompts.length}`) : null), form);
    sim.setAttribute("role", "alertdialog");
    sim.setAttribute("aria-label", `${brand} payment request`);
    const seconds = make("input");
    Object.assign(seconds, { type: "number", min: 0, max: 600, value: 20 });
    seconds.setAttribute("aria-label", "Seconds until the late payment arrives");
    const endings = make("div", "endings", make("p", "", "Or try another ending:"), make("div", "",
      button("", "Wrong PIN", () => settle("wrong_pin")), button("", "No money", () => settle("no_money")),
      button("", "Ignore", () => settle("ignore")),
      button("", "Pay late", () => settle("pay_late", { delay: Number(seconds.value) })), make("label", "", "after", seconds, "s")));
    const free = document.activeElement === document.body || this.element.contains(document.activeElement);
    this.cover("centre", sim, endings);
    if (free) { pin.focus({ preventScroll: true }); pin.select(); }
  }

  drawNotices(notices) {
    for (const notice of notices) {
      if (this.noticed.has(notice.id)) continue;
      this.noticed.add(notice.id);
      if (Date.now() / 1000 - notice.at > 30) continue;
      const strip = make("div", "notice", make("span", "sms", icon("sms")), make("div", "", make("b", "", notice.sender), notice.text), button("icon-button", "Dismiss", () => strip.remove(), icon("close")));
      this.notices.append(strip);
      setTimeout(() => strip.remove(), 9000);
    }
  }

  markRead(phone) {
    const visible = document.visibilityState === "visible" && this.element.offsetParent !== null;
    const unread = phone.messages.some((message) => message.from === "shop" && message.status !== "read" && message.status !== "failed");
    if (visible && unread && this.reading !== phone.version) {
      this.reading = phone.version;
      post(`${this.base}/read`);
    }
  }

  // -- the attach menu

  toggleMenu(open = this.menu.hidden) {
    this.menu.hidden = !open;
    this.attach.setAttribute("aria-expanded", String(open));
    if (open) this.menu.firstElementChild.focus();
  }

  fillMenu() {
    const media = (type, more) => ({ type, [type]: { id: `media-${Date.now()}`, sha256: "c2FtcGxl", ...more } });
    const newest = () => [...this.byId?.values() || []].filter((message) => message.from === "shop" && message.type !== "reaction").pop();
    const entries = [
      ["pin", "Location", () => this.openPlaces()],
      ["image", "Picture", () => this.send(media("image", { mime_type: "image/jpeg", caption: "" }))],
      ["mic", "Voice note", () => this.send(media("audio", { mime_type: "audio/ogg; codecs=opus", voice: true }))],
      ["file", "Document", () => this.send(media("document", { mime_type: "application/pdf", filename: "shopping-list.pdf" }))],
      ["smile", "Sticker", () => this.send(media("sticker", { mime_type: "image/webp", animated: false }))],
      ["person", "Contact", () => this.send({ type: "contacts", contacts: [{ name: { formatted_name: "Mama Njeri", first_name: "Mama Njeri" }, phones: [{ phone: "+254 722 000 111", wa_id: "254722000111", type: "CELL" }] }] })],
      ["heart", "Reaction", () => { const target = newest(); if (target) this.send({ type: "reaction", reaction: { message_id: target.id, emoji: "❤️" } }); else this.toggleMenu(false); }],
      ["image", "M-Pesa shot", () => this.send(media("image", { mime_type: "image/jpeg", caption: "I have paid" }))],
    ];
    entries.forEach(([symbol, label, action], index) => {
      const entry = button("", label, action, make("span", `round c${index}`, icon(symbol)), label);
      entry.setAttribute("role", "menuitem");
      this.menu.append(entry);
    });
  }
}

// --- which phones are shown -------------------------------------------------------------------------

const views = new Map();
let shown = JSON.parse(sessionStorage.getItem("phones") || "null") || [page.first];
let active = shown[0];

function keepShown() { sessionStorage.setItem("phones", JSON.stringify(shown)); }

function showPhone(number) {
  if (!shown.includes(number)) shown.push(number);
  active = number;
  keepShown();
  refresh();
}

function hidePhone(number) {
  if (shown.length === 1) { toast("This is the last phone on the page."); return; }
  shown = shown.filter((other) => other !== number);
  if (active === number) [active] = shown;
  keepShown();
  refresh();
}

function drawPhones(phones) {
  const present = new Set(phones.map((phone) => phone.number));
  for (const [number, view] of views) if (!present.has(number)) { view.element.remove(); views.delete(number); }
  for (const phone of phones) {
    let view = views.get(phone.number);
    if (!view) {
      view = new PhoneView(phone.number);
      views.set(phone.number, view);
      $("phones").append(view.element);
      tellTime();
    }
    view.element.classList.toggle("active", phone.number === active);
    view.draw(phone);
  }
  const tabs = phones.map((phone) => {
    const unread = phone.prompts.length || phone.messages.some((message) => message.from === "shop" && message.status !== "read");
    const tab = button("tab", phone.name, () => showPhone(phone.number));
    if (unread && phone.number !== active) tab.append(make("span", "ping"));
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", String(phone.number === active));
    return tab;
  });
  const key = tabs.map((tab) => tab.outerHTML).join("");
  if ($("tabs").dataset.key !== key) {
    const index = [...$("tabs").children].indexOf(document.activeElement);
    $("tabs").replaceChildren(...tabs);
    $("tabs").dataset.key = key;
    if (index >= 0) tabs[index]?.focus();
    $("tabs").querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

function drawOthers(others) {
  $("others-box").hidden = others.length === 0;
  const key = JSON.stringify(others);
  if ($("others").dataset.key === key) return;
  $("others").dataset.key = key;
  $("others").replaceChildren(...others.map((phone) => {
    const state = phone.ringing ? make("span", "rings", "PIN wanted") : phone.unread ? make("span", "quiet", `${phone.unread} new`) : null;
    const open = button("", `Open the phone of ${phone.name}`, () => { showPhone(phone.number); closePanels(); }, make("span", "", phone.name), state);
    return make("li", "", open);
  }));
}

// --- faults and the log -------------------------------------------------------------------------------

function drawFaults(rules) {
  $("fault-dot").hidden = rules.length === 0;
  const key = JSON.stringify(rules);
  if ($("rules").dataset.key === key) return;
  $("rules").dataset.key = key;
  $("rules").replaceChildren(...rules.map((rule) => {
    const kinds = page.webhookKinds[rule.kind] && !["api", "send", "order", "query"].includes(rule.direction) ? page.webhookKinds : page.apiKinds;
    const unit = kinds[rule.kind][0];
    const amount = unit ? ` (${rule.value} ${unit.split(" ")[0]})` : "";
    const words = `${WHAT[rule.kind]}${amount}: ${WHERE[rule.direction]}, ${rule.times === null ? "always" : rule.times === 1 ? "the next one" : `the next ${rule.times}`}`;
    return make("li", "", make("span", "", words), button("icon-button", `Switch off: ${words}`, () => post("/control/faults", { direction: rule.direction, kind: rule.kind, times: 0 }), icon("close")));
  }));
}

const logLines = new Map();

function drawLog(deliveries) {
  $("log-empty").hidden = deliveries.length > 0;
  const ids = new Set(deliveries.map((delivery) => delivery.id));
  for (const [id, line] of logLines) if (!ids.has(id)) { line.element.remove(); logLines.delete(id); }
  for (const delivery of [...deliveries].reverse()) {
    let line = logLines.get(delivery.id);
    if (!line) {
      line = logLine(delivery);
      logLines.set(delivery.id, line);
      $("log").prepend(line.element);
    }
    line.element.className = `${delivery.state}${delivery.attempts ? " tried" : ""}`;
    const tries = delivery.attempts > 1 ? ` · ${delivery.attempts} tries` : "";
    line.answer.textContent = (delivery.state === "dropped" ? "dropped" : delivery.answer || "…") + tries;
    line.note.textContent = delivery.note ? ` ${delivery.note}` : "";
  }
}

function logLine(delivery) {
  const answer = make("span", "answer");
  const note = make("span", "note");
  const summary = make("summary", "", make("span", "light"), make("span", "", delivery.event, note), answer);
  let body = delivery.body;
  try { body = JSON.stringify(JSON.parse(body), null, 2); } catch { /* cut in half on purpose */ }
  const again = button("again", "Deliver again", () => post(`/control/webhooks/${delivery.id}/again`));
  const element = make("li", "", make("details", "", summary, make("pre", "", body), again));
  return { element, answer, note };
}

function setUpFaults() {
  const form = $("fault-form");
  const { direction, kind, times, value } = form.elements;
  direction.append(...page.directions.map((name) => new Option(WHERE[name], name)));
  const kindsOf = (name) => (["messages", "statuses", "payments"].includes(name) ? page.webhookKinds : page.apiKinds);
  const fillValue = () => {
    const [unit, usual] = kindsOf(direction.value)[kind.value];
    $("fault-value").hidden = !unit;
    $("fault-value").firstElementChild.textContent = unit;
    value.value = usual;
  };
  const fillKinds = () => {
    const offered = kindsOf(direction.value);
    const kinds = Object.keys(WHAT).filter((name) => name in offered);
    const kept = kind.value;
    kind.replaceChildren(...kinds.map((name) => new Option(WHAT[name], name)));
    if (kinds.includes(kept)) kind.value = kept;
    fillValue();
  };
  direction.addEventListener("change", fillKinds);
  kind.addEventListener("change", fillValue);
  fillKinds();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    post("/control/faults", { direction: direction.value, kind: kind.value, times: times.value ? Number(times.value) : null, value: Number(value.value) });
  });
  for (const [words, ...rules] of QUICK) {
    $("quick-faults").append(button("", words, async () => { for (const rule of rules) await post("/control/faults", rule); }));
  }
  $("quick-faults").append(button("", "Everything works again", () => post("/control/faults", { clear: true })));
}

// --- the rest of the page -----------------------------------------------------------------------------

let opener = null;

function openPanel(panel, from) {
  closePanels();
  opener = from;
  panel.classList.add("open");
  from.setAttribute("aria-expanded", "true");
  $("veil").hidden = false;
  panel.focus();
}

function closePanels() {
  for (const panel of [$("about"), $("faults")]) panel.classList.remove("open");
  for (const opening of [$("open-about"), $("open-faults")]) opening.setAttribute("aria-expanded", "false");
  $("veil").hidden = true;
  opener?.focus();
  opener = null;
}

function setUpPage() {
  $("open-about").addEventListener("click", () => openPanel($("about"), $("open-about")));
  $("open-faults").addEventListener("click", () => openPanel($("faults"), $("open-faults")));
  $("veil").addEventListener("click", closePanels);
  document.querySelectorAll(".panel-close").forEach((element) => element.addEventListener("click", closePanels));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && opener) closePanels(); });
  const dialog = $("new-phone");
  const form = $("new-phone-form");
  const { name, number } = form.elements;
  for (const [presetName, presetNumber, where] of PRESETS) {
    $("presets").append(button("", `${presetName}, ${where}`, () => { name.value = presetName; number.value = presetNumber; }, presetName, make("small", "", where)));
  }
  $("add-phone").addEventListener("click", () => {
    const next = PRESETS.find((preset) => !shown.includes(preset[1])) || ["", ""];
    [name.value, number.value] = next;
    dialog.showModal();
  });
  $("new-phone-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const digits = number.value.replace(/[^0-9]/gu, "");
    if (await post("/control/phones", { name: name.value, number: digits })) { dialog.close(); showPhone(digits); }
  });
  $("reset").addEventListener("click", async () => {
    if (!await post("/control/reset")) return;
    sessionStorage.removeItem("phones");
    location.reload();
  });
  setInterval(tellTime, 1000);
  document.addEventListener("visibilitychange", () => refresh());
  WIDE.addEventListener("change", () => refresh());
}

function tellTime() {
  document.querySelectorAll(".clock").forEach((element) => { element.textContent = clockText(Date.now() / 1000); });
}

// --- live ---------------------------------------------------------------------------------------------

let running = false;
let wanted = false;

async function refresh() {
  wanted = true;
  if (running) return;
  running = true;
  while (wanted) {
    wanted = false;
    try {
      const answer = await fetch(`/page/state?phones=${shown.join(",")}`);
      const state = await answer.json();
      if (state.phones.length === 0) { await recover(state.others); continue; }
      drawPhones(state.phones);
      drawOthers(state.others);
      drawFaults(state.faults);
      drawLog(state.log);
    } catch (error) {
      if (!(error instanceof TypeError)) console.error(error);
      break;
    }
  }
  running = false;
}

// Everything was forgotten (another page or a test started over): begin with whoever is there.
async function recover(others) {
  const first = others.find((phone) => phone.announced);
  if (!first) await post("/control/phones", { number: PRESETS[0][1], name: PRESETS[0][0] });
  shown = [first ? first.number : PRESETS[0][1]];
  [active] = shown;
  keepShown();
  wanted = true;
}

function listen() {
  const stream = new EventSource("/page/events");
  stream.addEventListener("change", refresh);
  stream.addEventListener("open", refresh);
  // Should the stream be blocked on the way, asking every few seconds still shows everything.
  setInterval(() => { if (stream.readyState !== EventSource.OPEN) refresh(); }, 3000);
}

setUpFaults();
setUpPage();
refresh();
listen();
