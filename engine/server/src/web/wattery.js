// Puts the parts of the page in place as the server sends them.
"use strict";

const main = document.querySelector("main[data-live]");

if (main) {
  const source = new EventSource(main.dataset.live);
  const lost = (isLost) => document.body.classList.toggle("is-lost", isLost);
  source.addEventListener("parts", (event) => {
    lost(false);
    for (const [id, html] of JSON.parse(event.data)) {
      const place = document.getElementById(id);
      if (place) place.innerHTML = html;
    }
    main.dataset.updates = Number(main.dataset.updates ?? 0) + 1;
  });
  source.addEventListener("again", () => location.reload());
  source.addEventListener("error", () => lost(true));
  source.addEventListener("open", () => lost(false));
}
