// Asks before a page is left whose form has text that was typed and not sent. The review page stores drafts instead.
"use strict";

let sending = false;
document.addEventListener("submit", () => { sending = true; });
window.addEventListener("pageshow", () => { sending = false; });
window.addEventListener("beforeunload", (event) => {
  const typed = [...document.querySelectorAll("textarea:not([data-draft], [readonly])")];
  if (!sending && typed.some((field) => field.value !== field.defaultValue)) event.preventDefault();
});
