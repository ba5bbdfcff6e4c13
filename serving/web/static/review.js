// The page of a submission: saves without reloading, stores drafts of comments, and adds single-key shortcuts.
// Everything here also works without it, as plain forms and links.
"use strict";

const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
let saving = false;

// Drafts: one per grade and criterion, and per visitor, as several may use one browser.

const draftKey = (field) => {
  const { visitor, grade } = find("#rubric").dataset;
  return `grader-draft ${visitor} ${grade} ${field.name}`;
};

const showDraft = (field, text) => { find(`#${field.id.replace("comment", "draft")}`).textContent = text; };

function storeDraft(field) {
  if (field.value === field.defaultValue) {
    localStorage.removeItem(draftKey(field));
    return showDraft(field, "");
  }
  try {
    localStorage.setItem(draftKey(field), field.value);
    showDraft(field, "Draft stored in this browser, not saved yet");
  } catch {
    showDraft(field, "Not saved yet");
  }
}

function restoreDrafts() {
  for (const field of findAll("textarea[name^=comment-]")) {
    const draft = localStorage.getItem(draftKey(field));
    if (draft === null) continue;
    if (draft === field.value) localStorage.removeItem(draftKey(field));
    else {
      field.value = draft;
      showDraft(field, "Draft restored, not saved yet");
    }
  }
}

// Saving

function report(text, bad = false) {
  const status = find("#status");
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

function setSaving(on) {
  saving = on;
  for (const button of findAll("form[data-review] button[type=submit]")) button.disabled = on;
}

async function save(form, button) {
  if (saving) return;
  const body = new URLSearchParams(new FormData(form, button));
  const sent = new Map(findAll("textarea", form).map((field) => [field.name, field.value]));
  const focused = document.activeElement?.id;
  setSaving(true);
  report("Saving…");
  let response, html;
  try {
    response = await fetch(form.action, { method: "POST", body });
    html = await response.text();
  } catch {
    setSaving(false);
    return report("Not saved: the service did not answer. Try again.", true);
  }
  const page = new DOMParser().parseFromString(html, "text/html");
  const rubric = find("#rubric", page);
  if (!response.ok || !rubric) return showOther(page);
  const typed = findAll("textarea", form).filter((field) => field.value !== sent.get(field.name));
  for (const [name] of sent) localStorage.removeItem(draftKey({ name }));
  find("#rubric").replaceWith(rubric);
  find(".steps").replaceWith(find(".steps", page));
  for (const part of findAll("[data-live]")) part.replaceWith(find(`#${part.id}`, page) ?? part);
  for (const field of typed) { // typed while the form was on its way
    const now = find(`#${field.id}`);
    now.value = field.value;
    storeDraft(now);
  }
  saving = false;
  prepare();
  markCurrent();
  const again = focused && document.getElementById(focused);
  if (again && !again.disabled) again.focus({ preventScroll: true });
  else find("#main").focus({ preventScroll: true });
  report("Saved");
}

// A conflict, an ended session or another error: its page replaces this one. Drafts stay stored.
function showOther(page) {
  saving = false;
  find("#main").replaceWith(find("#main", page));
  document.title = page.title;
  window.scrollTo(0, 0);
  find("#main").focus();
}

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
  if (next && next.classList.contains("waits")) next.scrollIntoView({ block: "nearest" });
}

// Keys

const keysOn = () => localStorage.getItem("grader-keys") !== "off";

function onKey(event) {
  const target = event.target;
  const inField = target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (event.key === "Escape" && inField) return target.blur();
  if (event.key === "Enter" && target.matches?.("select[name^=snippet-]") && !saving) {
    return press(event, find("button", target.parentElement));
  }
  if (inField || !keysOn() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (find("dialog[open]") || saving) return;
  if (/^[1-9]$/.test(event.key)) {
    const buttons = findAll(".ratings button", current() ?? undefined);
    if (current() && buttons[event.key - 1]) press(event, buttons[event.key - 1]);
  } else if (event.key === "c" && current()) {
    event.preventDefault();
    find("textarea", current()).focus();
  } else if (event.key === "s" && current()) {
    const snippets = find("select[name^=snippet-]", current());
    if (snippets) {
      event.preventDefault();
      snippets.focus();
    } else report("There are no snippets yet");
  } else if (["j", "k", "a", "u", "/", "?"].includes(event.key)) {
    const names = { "/": "search" };
    const control = find(`[data-key="${names[event.key] ?? event.key}"]`);
    if (control) press(event, control);
    else report({ k: "This is the first submission", a: "Nothing to accept", u: "Nothing to undo" }[event.key] ?? "");
  }
}

function press(event, control) {
  event.preventDefault();
  control.click();
}

// Start

function prepare() {
  for (const opener of findAll("[data-open]")) {
    opener.hidden = false;
    opener.addEventListener("click", () => document.getElementById(opener.dataset.open).showModal());
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-review]")) return;
  event.preventDefault();
  save(form, event.submitter);
});
document.addEventListener("input", (event) => {
  if (event.target.matches("textarea[name^=comment-]") && event.target.closest("#rubric")) storeDraft(event.target);
});
document.addEventListener("focusin", (event) => {
  const section = event.target.closest?.(".criterion");
  if (section) mark(section);
});
document.addEventListener("keydown", onKey);
const toggle = find("#keys-on");
toggle.checked = keysOn();
toggle.addEventListener("change", () => localStorage.setItem("grader-keys", toggle.checked ? "on" : "off"));
prepare();
restoreDrafts();
markCurrent();
