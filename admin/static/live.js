// Says so when the page could not refresh itself, and takes it back when it could.
document.addEventListener("htmx:error", () => document.body.classList.add("stale"));
document.addEventListener("htmx:response:error", () => document.body.classList.add("stale"));
document.addEventListener("htmx:after:swap", () => document.body.classList.remove("stale"));
