// Drafts of comments in the browser's storage, for the page of a submission.
"use strict";

const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

// Storage of the browser, which may be full or switched off.

const storage = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); return true; } catch { return false; } },
  remove(key) { try { localStorage.removeItem(key); } catch { /* nothing is stored */ } },
};

// Drafts: one per student and criterion, and per visitor, as several may use one browser. A draft holds the text, and
// the saved comment and the revision that it was typed over. If the saved comment is another one by now, the draft is
// sent with its own revision, so that the service shows both and the newer one is not overwritten.

const fields = (root = document) => findAll("textarea[data-draft]", root);
const visitor = find("#rubric").dataset.visitor;
const draftKey = (field) => `grader-draft ${visitor} ${field.dataset.draft}`;
const revision = (field) => find("input[name^=revision-]", field.closest(".criterion, form"));
const isChanged = (field) => field.value !== field.defaultValue;
const hasUnstoredText = () => fields().some((field) => isChanged(field) && !readDraft(field));

function readDraft(field) {
  try {
    return JSON.parse(storage.get(draftKey(field)));
  } catch {
    return null;
  }
}

function showDraft(field, text) {
  const shown = find(`#${field.id.replace("comment", "draft")}`);
  if (shown.textContent !== text) announce(text);
  shown.textContent = text;
}

function storeDraft(field) {
  if (!isChanged(field)) {
    storage.remove(draftKey(field));
    revision(field).value = revision(field).defaultValue;
    delete field.dataset.base;
    return showDraft(field, "");
  }
  const base = field.dataset.base ?? field.defaultValue;
  const stored = storage.set(draftKey(field), JSON.stringify({ text: field.value, base, revision: revision(field).value }));
  showDraft(field, stored ? "Draft stored in this browser, not saved yet" : "Not saved yet");
}

function restoreDrafts() {
  for (const field of fields()) {
    const draft = readDraft(field);
    if (!draft) continue;
    if (draft.text === field.value) {
      storage.remove(draftKey(field));
      continue;
    }
    const same = draft.base === field.defaultValue;
    field.value = draft.text;
    if (!same) {
      field.dataset.base = draft.base;
      revision(field).value = draft.revision;
    }
    showDraft(field, `Draft restored, not saved yet${same ? "" : ". The saved comment has changed in the meantime"}`);
  }
}
