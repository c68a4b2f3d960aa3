// The account page's script: polls, shows the time left, sends money.
// Nothing here decides anything; the server does.

const show = (id, text) => { document.getElementById(id).textContent = text; };

// When the session ends, by this page's monotonic clock. The server tells
// the time left with every answer, so a wrong wall clock does no harm.
let ends = { idle: Infinity, absolute: Infinity, warn: 0 };

function readTimeLeft(response) {
  const field = response.headers.get("session-timeout");
  if (!field) return;
  const left = Object.fromEntries(field.split(", ").map((pair) => pair.split("=")));
  const at = (seconds) => performance.now() + Number(seconds) * 1000;
  ends = { idle: at(left.idle), absolute: at(left.absolute), warn: Number(left.warn) * 1000 };
}

// Every answer tells the time left or why there is none. A person who has to
// sign in or confirm comes back to this page.
async function ask(path, options) {
  const response = await fetch(path, { cache: "no-store", ...options });
  readTimeLeft(response);
  const body = await response.json().catch(() => ({}));
  if (response.status === 401) {
    const again = ["step_up_required", "session_locked"].includes(body.reason);
    const page = again ? "/reauth" : "/login";
    location.assign(`${page}?reason=${encodeURIComponent(body.reason)}&return_to=%2F`);
  }
  return { ok: response.ok, body };
}

async function poll() {
  try {
    const { ok, body } = await ask("/api/notifications");
    if (ok) {
      const items = body.notifications.map((text) => {
        const item = document.createElement("li");
        item.textContent = text;
        return item;
      });
      document.getElementById("messages").replaceChildren(...items);
    }
  } catch {
    // The server can't be reached: the next poll tries again.
  }
  setTimeout(poll, 2000);
}

function tick() {
  const end = Math.min(ends.idle, ends.absolute);
  const left = Math.max(0, end - performance.now());
  if (Number.isFinite(left)) {
    const seconds = Math.floor(left / 1000);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const extendable = ends.idle < ends.absolute;
    show("left", extendable ? `Signed out in ${time} unless you do something.` : `Signed out in ${time}, whatever you do.`);
    const soon = left <= ends.warn;
    const clock = document.getElementById("clock");
    if (soon !== clock.classList.contains("soon")) {
      clock.classList.toggle("soon", soon);
      show("warning", soon ? "You will be signed out soon." : "");
    }
    document.getElementById("stay").hidden = !extendable;
  }
  setTimeout(tick, 250);
}

document.getElementById("stay").addEventListener("click", () => ask("/session/extend", { method: "POST" }));

document.getElementById("refresh").addEventListener("click", async () => {
  const { ok, body } = await ask("/api/balance");
  if (ok) show("balance", body.balance);
});

const transfer = document.getElementById("transfer");

// What was typed survives the detour over the confirmation page; sending it
// is up to the person again.
const draft = JSON.parse(sessionStorage.getItem("transfer") ?? "null");
if (draft) {
  sessionStorage.removeItem("transfer");
  transfer.elements.to.value = draft.to;
  transfer.elements.amount.value = draft.amount;
  show("outcome", "Nothing has been sent yet. Check it and send it again.");
}

transfer.addEventListener("submit", async (event) => {
  event.preventDefault();
  const order = Object.fromEntries(new FormData(transfer));
  sessionStorage.setItem("transfer", JSON.stringify(order));
  const { ok, body } = await ask("/api/transfer", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(order),
  });
  if (body.reason === "step_up_required") return;
  sessionStorage.removeItem("transfer");
  if (ok) show("balance", body.balance);
  show("outcome", ok ? `Sent € ${body.amount} to ${body.to}.` : body.detail ?? "This did not work.");
});

poll();
tick();
