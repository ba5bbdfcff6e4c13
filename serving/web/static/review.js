// The page of a submission: saves without reloading, shows the next one in its place, and adds single-key shortcuts.
// Everything here also works without it, as plain forms and links.
"use strict";

let saving = false, leaving = false; // a form is on its way; the browser loads another page
let replacing = false; // another submission is on its way
const waiting = []; // keys that were pressed while a form was on its way
let target = null; // the link that was clicked in the meantime

// Saving

function announce(text) {
  find("#announcements").textContent = text;
}

function report(text, bad = false, spoken = text) {
  const status = find("#status");
  status.textContent = text;
  status.classList.toggle("bad", bad);
  announce(spoken);
}

// For screen readers: people who see the page see the marked criterion move.
function spokenResult(title, rating) {
  const next = find(".criterion.waits h2")?.textContent;
  return `Saved${rating ? `: ${title} ${rating}` : ""}. ${next ? `Next: ${next}` : "No criterion of this submission needs a decision"}`;
}

function setSaving(on) {
  saving = on;
  for (const button of findAll("form[data-review] button[type=submit]")) button.disabled = on;
}

function notSaved(reason) {
  setSaving(false);
  waiting.length = 0;
  target = null;
  report(`Not saved: ${reason}. Try again.`, true);
}

async function save(form, button) {
  if (saving || replacing) return;
  const body = new URLSearchParams(new FormData(form, button));
  const sent = new Map(fields(form).map((field) => [field.id, { text: field.value, changed: isChanged(field) }]));
  const focused = document.activeElement?.id, undoing = button?.value.startsWith("undo");
  const title = button && find("h2", button.closest(".criterion") ?? undefined)?.textContent;
  const rating = button && find(".rating b", button)?.textContent;
  setSaving(true);
  report("Saving…");
  let response, html;
  try {
    response = await fetch(form.action, { method: "POST", body });
    html = await response.text();
  } catch {
    return notSaved("the service did not answer");
  }
  const page = new DOMParser().parseFromString(html, "text/html");
  if (response.status === 429 || response.status >= 500 || !find("#main", page)) {
    return notSaved(find("h1", page)?.textContent ?? `status ${response.status}`);
  }
  const rubric = find("#rubric", page);
  if (!response.ok || !rubric) return showOther(page);
  const before = new Map(fields(form).map((field) => [field.id, field.value]));
  for (const field of fields(form)) storage.remove(draftKey(field));
  find("#rubric").replaceWith(rubric);
  find(".steps").replaceWith(find(".steps", page));
  for (const part of findAll("[data-live]")) part.replaceWith(find(`#${part.id}`, page) ?? part);
  for (const field of fields()) { // typed while the form was on its way, or next to a step that was taken back
    const text = before.get(field.id), old = sent.get(field.id);
    if (!old || text === field.value || (text === old.text && !(undoing && old.changed))) continue;
    field.value = text;
    storeDraft(field);
  }
  saving = false;
  prepare();
  markCurrent();
  const again = focused && document.getElementById(focused);
  if (again && !again.disabled) again.focus({ preventScroll: true });
  else find("#main").focus({ preventScroll: true });
  report("Saved", false, spokenResult(title, rating));
  if (target) follow(target);
  while (waiting.length && !saving && !leaving) act(waiting.shift());
}

// A conflict, an ended session or another error: its page replaces this one. Drafts stay stored.
function showOther(page) {
  saving = false;
  waiting.length = 0;
  target = null;
  find("#main").replaceWith(find("#main", page));
  document.title = page.title;
  window.scrollTo(0, 0);
  find("#main").focus();
}

function leave() {
  leaving = true;
  clearTimeout(leave.timer);
  leave.timer = setTimeout(() => { leaving = false; }, 5000); // if the visitor stops loading
}

// The next and the previous submission replace this one without loading a page: its scripts and styles are here already.
// Anything else, such as an error or the end of the list, is loaded as a page.

const address = () => location.pathname + location.search;
const isStep = (url) => findAll(".steps a[rel]").some((link) => link.href === url);
let shown = address();

function follow(url) {
  leave();
  if (isStep(url)) showSubmission(url);
  else window.location.assign(url);
}

async function showSubmission(url, push = true) {
  replacing = true;
  let response, page;
  try {
    response = await fetch(url);
    page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    page = null;
  }
  replacing = false;
  if (!page || !response.ok || !find("#rubric", page) || hasUnstoredText()) return window.location.assign(url);
  if (push) history.pushState(null, "", response.url);
  shown = address();
  document.title = page.title;
  find("#main").replaceWith(find("#main", page));
  leaving = false;
  waiting.length = 0; // keys that were for the submission before
  target = null;
  window.scrollTo(0, 0);
  start();
  const heading = find("h1"); // a screen reader reads what has the focus
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

window.addEventListener("popstate", () => {
  if (address() !== shown) showSubmission(location.href, false);
});

// The marked criterion: the one with the focus, else the first that waits.

const current = () => find(".criterion.current");

function mark(section) {
  for (const other of findAll(".criterion")) {
    other.classList.toggle("current", other === section);
    if (other === section) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
  }
}

function markCurrent() {
  const next = find(".criterion.waits") ?? find(".criterion");
  mark(next);
  if (!next?.classList.contains("waits")) return;
  const { top } = next.getBoundingClientRect(); // the student's name stays in sight where possible
  if (top < 0 || top > innerHeight / 2) next.scrollIntoView();
}

// Keys

const keysOn = () => storage.get("grader-keys") !== "off";

function onKey(event) {
  const inField = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (event.key === "Escape" && inField) return event.target.blur();
  if (event.key === "Enter" && event.target.matches?.("select[name^=snippet-]") && !saving) {
    event.preventDefault();
    return find("button", event.target.parentElement).click();
  }
  if (inField || !keysOn() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (find("dialog[open]") || !/^[1-9cjksau/?]$/.test(event.key)) return;
  event.preventDefault();
  if (leaving) return; // a key pressed too early is not for the page that is being left
  if (saving) waiting.push(event.key);
  else act(event.key);
}

function act(key) {
  if (/[1-9]/.test(key)) {
    if (current()) findAll(".ratings button", current())[key - 1]?.click();
  } else if (key === "c") {
    if (current()) find("textarea", current()).focus();
  } else if (key === "s") {
    const snippets = find("select[name^=snippet-]", current() ?? undefined);
    if (snippets) snippets.focus();
    else report("There are no snippets yet");
  } else {
    const control = find(`[data-key="${key === "/" ? "search" : key}"]`);
    if (control) control.click();
    else report({ k: "This is the first submission", a: "Nothing to accept", u: "Nothing to undo" }[key] ?? "");
  }
}

// Start

function prepare() {
  const toggle = find("#keys-on");
  if (toggle) toggle.checked = keysOn();
  document.documentElement.classList.toggle("shortcuts", keysOn());
  for (const opener of findAll("[data-open]")) opener.hidden = false;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-review]")) return;
  event.preventDefault();
  save(form, event.submitter);
});
document.addEventListener("submit", (event) => { // on the page of a conflict
  if (!event.target.matches("form[data-conflict]")) return;
  for (const field of fields(event.target)) {
    storage.set(draftKey(field), JSON.stringify({ text: field.value, base: "", revision: revision(field).value }));
  }
});
document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-open]");
  if (opener) return document.getElementById(opener.dataset.open).showModal();
  const link = event.target.closest?.("a[href]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.dataset.discard) storage.remove(draftKey({ dataset: { draft: link.dataset.discard } }));
  if (link.getAttribute("href").startsWith("#")) return;
  if (!find("#rubric") && link.pathname + link.search === location.pathname + location.search) {
    event.preventDefault(); // back from a page that replaced this one, at the same address
    location.hash = link.hash;
    return location.reload();
  }
  if (!saving && !isStep(link.href)) return leave();
  event.preventDefault();
  if (saving) target = link.href; // loading another page could abort the form
  else if (!replacing) follow(link.href);
});
window.addEventListener("pageshow", () => { leaving = false; });
window.addEventListener("beforeunload", (event) => {
  if (saving || hasUnstoredText()) event.preventDefault();
});
document.addEventListener("input", (event) => {
  if (event.target.matches("#rubric textarea[data-draft]")) storeDraft(event.target);
});
document.addEventListener("focusin", (event) => {
  const section = event.target.closest?.(".criterion");
  if (section) mark(section);
});
document.addEventListener("keydown", onKey);
document.addEventListener("change", (event) => {
  if (event.target.id !== "keys-on") return;
  storage.set("grader-keys", event.target.checked ? "on" : "off");
  prepare();
});

function start() {
  prepare();
  restoreDrafts();
  markCurrent();
}
start();
