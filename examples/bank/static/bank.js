// The account page's script: polls, shows the time left, sends money.
// It decides nothing: the server does, and says so in every answer.

const POLL_MS = 2000;
const POLL_TIMEOUT_MS = 10000;
const UNREACHABLE = "The bank can't be reached. This page goes on trying.";

const find = (id) => document.getElementById(id);

// Live regions speak up at every change, so nothing is written twice.
function show(id, text) {
  if (find(id).textContent !== text) find(id).textContent = text;
}

const clocks = () => ({ steady: performance.now(), wall: Date.now() });

// What the server said last: milliseconds left when we asked.
let told = null;
// The way to the page that says why it is over.
let leaving = false;

function readTimeLeft(response, asked) {
  const field = response.headers.get("session-timeout");
  // An answer that was overtaken tells nothing new.
  if (!field || (told && told.asked.steady > asked.steady)) return;
  const parts = field.split(",").map((part) => part.trim().split("="));
  const left = Object.fromEntries(parts.map(([name, seconds]) => [name, Number(seconds) * 1000]));
  told = { ...left, asked };
}

// A machine asleep may stop the steady clock, and the wall clock may be set:
// until the next answer, the one by which less is left is believed.
function passed({ steady, wall }) {
  return Math.max(performance.now() - steady, Date.now() - wall);
}

function leave(page, reason) {
  leaving = true;
  find("account").hidden = true;
  const query = new URLSearchParams({ reason, return_to: location.pathname + location.search });
  location.assign(`${page}?${query}`);
}

// Every answer tells the time left or why there is none. A person who has to
// sign in or confirm comes back to this page.
async function ask(path, options) {
  const asked = clocks();
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch {
    show("trouble", UNREACHABLE);
    return { ok: false, body: { detail: UNREACHABLE } };
  }
  readTimeLeft(response, asked);
  const body = await response.json().catch(() => ({}));
  show("trouble", response.status < 500 ? "" : body.detail ?? UNREACHABLE);
  if (response.status === 401) {
    const reason = body.reason ?? "session_required";
    const again = ["step_up_required", "session_locked"].includes(reason);
    leave(again ? "/reauth" : "/login", reason);
  }
  return { ok: response.ok, body };
}

let polling = false;
let next;

async function poll() {
  if (polling || leaving) return;
  polling = true;
  clearTimeout(next);
  try {
    const { ok, body } = await ask("/api/notifications", { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
    if (ok) showMessages(body.notifications);
  } finally {
    polling = false;
    next = setTimeout(poll, POLL_MS);
  }
}

function showMessages(texts) {
  const items = texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  });
  find("messages").replaceChildren(...items);
}

function tick() {
  if (!told || leaving) return;
  const since = passed(told.asked);
  const left = Math.max(0, Math.min(told.idle, told.absolute) - since);
  const extendable = told.idle < told.absolute;
  const soon = left <= told.warn;
  const over = left === 0;
  const seconds = Math.floor(left / 1000);
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (over) show("left", "Your time is up.");
  else if (extendable) show("left", `Signed out in ${time} unless you do something.`);
  else show("left", `Signed out in ${time}, whatever you do.`);
  if (!soon || over) show("warning", "");
  else if (extendable) show("warning", "You will be signed out soon. Do you want to stay signed in?");
  else show("warning", "Your session ends soon, and can't be made longer. Finish what you are doing.");
  find("clock").classList.toggle("soon", soon);
  find("stay").hidden = !extendable || over;
  // Whoever passes by reads nothing, even when the bank can't be reached.
  find("account").hidden = over;
}

find("stay").addEventListener("click", async () => {
  await ask("/session/extend", { method: "POST" });
  tick();
});

find("refresh").addEventListener("click", async () => {
  const { ok, body } = await ask("/api/balance");
  if (ok) show("balance", body.balance);
  tick();
});

const form = find("transfer");

// What was typed survives the detour over the confirmation page; sending it
// is up to the person again, and to nobody else.
const draft = JSON.parse(sessionStorage.getItem("transfer") ?? "null");
sessionStorage.removeItem("transfer");
if (draft?.user === form.dataset.user) {
  form.elements.to.value = draft.to;
  form.elements.amount.value = draft.amount;
  show("outcome", "Nothing has been sent yet. Check it and send it again.");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const order = Object.fromEntries(new FormData(form));
  // One click sends once, however long it takes.
  find("send").disabled = true;
  const { ok, body } = await ask("/api/transfer", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(order),
  });
  find("send").disabled = false;
  if (leaving) {
    const kept = { ...order, user: form.dataset.user };
    if (body.reason === "step_up_required") sessionStorage.setItem("transfer", JSON.stringify(kept));
    return;
  }
  if (ok) show("balance", body.balance);
  show("outcome", ok ? `Sent € ${body.amount} to ${body.to}.` : body.detail ?? "This did not work.");
});

// Coming back is no activity: it only asks. A page that the browser had kept
// shows nothing before it knows better.
document.addEventListener("visibilitychange", poll);
window.addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  leaving = false;
  told = null;
  find("account").hidden = true;
  poll();
});
poll();
setInterval(tick, 500);
