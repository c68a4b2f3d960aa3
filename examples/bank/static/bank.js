// The account page's script: polls for messages, sends money, and keeps drafts.
// The server decides how long the session lasts, and <session-timeout> shows it.

import { markPassive } from "/session-timeout.js";

const POLL_MS = 2000;
const POLL_TIMEOUT_MS = 10000;
const UNREACHABLE = "The bank can't be reached. This page keeps trying.";
const UNANSWERED = "No answer came. Check your balance before you send it again.";
const UNSENT = "This has not been sent yet. Check it and send it.";

const find = (id) => document.getElementById(id);
const form = find("transfer");

// Screen readers announce every change of a live region, so avoid repeats.
function show(id, text) {
  if (find(id).textContent !== text) find(id).textContent = text;
}

// Every answer of the bank is JSON. Anything else is not the bank's.
async function ask(path, options) {
  try {
    const response = await fetch(path, { cache: "no-store", ...options });
    const body = await response.json();
    show("trouble", response.status < 500 ? "" : body.detail ?? UNREACHABLE);
    return { answered: true, ok: response.ok, body };
  } catch {
    show("trouble", UNREACHABLE);
    return { answered: false, ok: false, body: {} };
  }
}

let polling = false;
let next;

async function poll() {
  if (polling) return;
  polling = true;
  clearTimeout(next);
  const signal = AbortSignal.timeout(POLL_TIMEOUT_MS);
  const { ok, body } = await ask("/api/notifications", { signal });
  polling = false;
  next = setTimeout(poll, POLL_MS);
  if (!ok) return;
  // Another user has signed in meanwhile, in another tab.
  if (body.subject !== form.dataset.user) return location.reload();
  showMessages(body.notifications);
  find("account").hidden = false;
}

function showMessages(texts) {
  const items = texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  });
  find("messages").replaceChildren(...items);
}

find("refresh").addEventListener("click", async () => {
  const { ok, body } = await ask("/api/balance");
  if (ok) show("balance", body.balance);
});

// The draft: unsent input survives the end of the session and the confirmation
// page, in this tab and for this user. It is never sent automatically.
const DRAFT = "transfer";
const order = () => Object.fromEntries(new FormData(form));

function keepDraft() {
  const { amount, note } = order();
  const draft = { ...order(), user: form.dataset.user };
  if (amount || note) sessionStorage.setItem(DRAFT, JSON.stringify(draft));
  else sessionStorage.removeItem(DRAFT);
}

function restoreDraft() {
  const { user, ...draft } = JSON.parse(sessionStorage.getItem(DRAFT)) ?? {};
  sessionStorage.removeItem(DRAFT);
  if (user !== form.dataset.user) return;
  for (const [name, value] of Object.entries(draft)) form.elements[name].value = value;
  show("outcome", UNSENT);
}

// Resolves when the last order has been answered: to whether the form's content is
// certainly unsent.
let unsent = Promise.resolve(true);

// A draft that may have been sent must not be offered again.
async function keepUnsent() {
  if (await unsent) keepDraft();
  else sessionStorage.removeItem(DRAFT);
}

// A session that was ended on purpose leaves no draft.
const ON_PURPOSE = ["signed_out", "revoked", "idp_logout", "token_reuse"];

document.addEventListener("session-warning", keepUnsent);
document.addEventListener("session-expired", ({ detail }) => {
  if (ON_PURPOSE.includes(detail.reason)) sessionStorage.removeItem(DRAFT);
  else detail.waitUntil(keepUnsent());
});

async function send() {
  // One click sends once, however long it takes.
  find("send").disabled = true;
  const { answered, ok, body } = await ask("/api/transfer", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(order()),
  });
  find("send").disabled = false;
  if (ok) {
    form.reset();
    sessionStorage.removeItem(DRAFT);
    show("balance", body.balance);
    show("outcome", `Sent € ${body.amount} to ${body.to}.`);
  } else if (body.reason === "step_up_required") {
    keepDraft();
    const { pathname, search } = location;
    const why = new URLSearchParams({ reason: body.reason, return_to: pathname + search });
    location.assign(`/reauth?${why}`);
  } else {
    show("outcome", answered ? body.detail ?? "The transfer failed." : UNANSWERED);
  }
  return answered;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  unsent = send();
});

// Coming back is no activity, so this only polls. A page from the browser's cache
// stays hidden until the poll says who is signed in.
document.addEventListener("visibilitychange", poll);
window.addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  find("account").hidden = true;
  poll();
});

markPassive();
restoreDraft();
poll();
