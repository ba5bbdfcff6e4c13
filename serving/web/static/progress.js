// Refreshes the progress of a delivery. Without it, the page has a link that does the same.
"use strict";

const refresh = async () => {
  const shown = document.getElementById("progress");
  try {
    const response = await fetch(location.href);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const now = page.getElementById("progress");
    if (response.ok && now && now.innerHTML !== shown.innerHTML) {
      shown.replaceChildren(...now.childNodes);
      shown.dataset.finished = now.dataset.finished;
    }
  } catch {
    // the next attempt may succeed
  }
  if (shown.dataset.finished !== "yes") setTimeout(refresh, 2000);
};
setTimeout(refresh, 1000);
