// The pages of LTI launches: cookies are tried, the platform stores what cookies cannot, and forms are sent on.
// Platform storage: 1EdTech LTI Client Side postMessages 0.1.
"use strict";

const element = (id) => document.getElementById(id);
const WAIT = 2000;

function platformFrame(name) {
  const owner = window.parent === window ? window.opener : window.parent;
  if (!owner) return null;
  try {
    return name === "_parent" ? owner : owner.frames[name] || null;
  } catch {
    return null;
  }
}

// The platform's answer; null if there is none in time, or an error. Only its own origin is sent to and listened to.
async function ask(data, message) {
  const frame = platformFrame(data.storage);
  if (!data.storage || !frame) return null;
  const id = crypto.randomUUID();
  return new Promise((resolve) => { // codespell:ignore
    const timer = setTimeout(() => finish(null), WAIT);
    function finish(answer) {
      clearTimeout(timer);
      window.removeEventListener("message", listen);
      resolve(answer);
    }
    function listen(event) {
      const answer = event.data;
      if (event.origin !== data.platform || typeof answer !== "object" || answer === null) return;
      if (answer.message_id !== id || answer.subject !== `${message.subject}.response`) return;
      finish(answer.error ? null : answer);
    }
    window.addEventListener("message", listen);
    frame.postMessage({ ...message, message_id: id }, data.platform);
  });
}

async function login(page) {
  const { key, value, probe, url } = page.dataset;
  const cookies = document.cookie.split("; ").includes(`${probe}=1`);
  const stored = await ask(page.dataset, { subject: "lti.put_data", key, value });
  if (cookies || stored) return window.location.replace(url);
  element("lti-status").hidden = true;
  element("lti-blocked").hidden = false;
}

async function launch(form) {
  const answer = await ask(form.dataset, { subject: "lti.get_data", key: form.dataset.key });
  form.elements.secret.value = answer && typeof answer.value === "string" ? answer.value : "none";
  form.submit();
}

function registered(page) {
  const owner = window.parent === window ? window.opener : window.parent;
  const button = element("lti-close");
  if (!owner) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    owner.postMessage({ subject: "org.imsglobal.lti.close" }, page.dataset.platform);
  });
}

if (element("lti-login")) login(element("lti-login"));
if (element("lti-storage")) launch(element("lti-storage"));
if (element("lti-return")) element("lti-return").submit();
if (element("lti-registered")) registered(element("lti-registered"));
