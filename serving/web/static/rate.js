// Updates the state of a running fit. Without script the page has a link for it.
"use strict";

(() => {
  const section = () => document.getElementById("learned");

  async function look() {
    const shown = section();
    if (!shown?.dataset.poll) return waiting();
    let html;
    try {
      const response = await fetch(shown.dataset.from);
      if (!response.ok) return;
      html = await response.text();
    } catch {
      return waiting();
    }
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("learned");
    if (fresh && shown.isConnected && !shown.contains(document.activeElement)) shown.replaceWith(fresh);
    const then = document.getElementById("when-done");
    if (then && fresh && !fresh.dataset.poll) window.location.assign(then.dataset.to);
    else waiting();
  }

  function waiting() {
    window.setTimeout(look, 1000 * (section()?.dataset.poll ?? 1.5));
  }

  document.documentElement.classList.add("scripted");
  waiting();
})();
