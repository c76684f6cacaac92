// Puts the parts of the page in place as the server sends them.
"use strict";

const main = document.querySelector("main[data-live]");

if (main) {
  const source = new EventSource(main.dataset.live);
  source.addEventListener("parts", (event) => {
    document.body.classList.remove("stale");
    for (const [id, html] of JSON.parse(event.data)) {
      const place = document.getElementById(id);
      if (!place) continue;
      const template = document.createElement("template");
      template.innerHTML = html;
      place.replaceWith(template.content);
    }
  });
  source.addEventListener("again", () => location.reload());
  source.addEventListener("error", () => document.body.classList.add("stale"));
  source.addEventListener("open", () => document.body.classList.remove("stale"));
}
