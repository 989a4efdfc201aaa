// Parts that refresh themselves (hx-trigger="every …"): the server answers 304 when the browser has the newest,
// and the page says so when it could not be asked.
const seen = new WeakMap();
document.addEventListener("htmx:config:request", ({ target, detail: { ctx } }) => {
  if (seen.has(target)) ctx.request.headers["If-None-Match"] = seen.get(target);
});
document.addEventListener("htmx:after:request", ({ target, detail: { ctx } }) => {
  const mark = ctx.response?.headers?.get("ETag");
  if (mark) seen.set(target, mark);
  if (ctx.response?.status < 400) document.body.classList.remove("stale");
});
for (const failure of ["htmx:error", "htmx:response:error"])
  document.addEventListener(failure, () => document.body.classList.add("stale"));

// A chosen shop is shown at once; the button beside it is for those without scripts.
document.addEventListener("change", ({ target }) => {
  if (target.matches(".chooser select")) target.form.requestSubmit();
});

// Ctrl+Enter sends an answer.
document.addEventListener("keydown", (pressed) => {
  if (pressed.key === "Enter" && (pressed.ctrlKey || pressed.metaKey) && pressed.target.matches(".answer textarea"))
    pressed.target.form.requestSubmit();
});
document.documentElement.classList.add("scripted");
