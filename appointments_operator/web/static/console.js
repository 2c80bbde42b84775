// Copying a command, and saying whether the list is live: all else is htmx.
"use strict";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  navigator.clipboard.writeText(text).then(() => { button.textContent = "Copied"; });
});

function tell(isLive) {
  const live = document.getElementById("live");
  if (!live) return;
  const text = isLive ? "live" : "not live: the console was stopped";
  if (live.textContent !== text) live.textContent = text;
  live.classList.toggle("off", !isLive);
}

document.addEventListener("htmx:sendError", () => tell(false));
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr && event.detail.xhr.status) tell(true);
});

// A storm that is open stays open when new notifications arrive.
let opened = [];
document.addEventListener("htmx:beforeSwap", () => {
  opened = [...document.querySelectorAll("#rows details[open]")].map((each) => each.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
});
