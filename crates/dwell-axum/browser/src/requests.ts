// The second module, for applications that use `XMLHttpRequest` or `sendBeacon`: their
// requests are read, marked and waited for as those by `fetch`. Loading it is enough.
import { requests } from "./index.ts";

const FIELD = "session-activity";

const isOwn = (url: string | URL): boolean =>
  !!url && new URL(url, document.baseURI).origin === location.origin;

const isPassive = (url: string | URL): boolean => requests.isMarking && document.hidden && isOwn(url);

window.XMLHttpRequest = class extends XMLHttpRequest {
  #what: [method: string, url: string | URL] = ["", ""];
  /** Whether the request says itself what it is. */
  #isMarked = false;

  override open(...what: [method: string, url: string | URL]): void {
    super.open(...what);
    this.#what = what;
    this.#isMarked = false;
  }

  override setRequestHeader(name: string, value: string): void {
    super.setRequestHeader(name, value);
    this.#isMarked ||= name.toLowerCase() === FIELD;
  }

  override send(body?: XMLHttpRequestBodyInit | Document | null): void {
    const [method, url] = this.#what;
    if (!this.#isMarked && isPassive(url)) super.setRequestHeader(FIELD, "passive");
    const answer = new Promise((resolve) => this.addEventListener("loadend", resolve));
    super.send(body);
    if (!/^(get|head)$/i.test(method)) requests.sending.add(answer);
    void answer.then(() => {
      requests.sending.delete(answer);
      const headers = { get: (name: string) => this.getResponseHeader(name) };
      const type = isOwn(this.responseURL) ? "basic" : "cors";
      requests.read?.({ type, status: this.status, headers });
    });
  }
};

const beacon = navigator.sendBeacon;
navigator.sendBeacon = (url, body = null) => {
  if (!isPassive(url)) return beacon.call(navigator, url, body);
  // A beacon has no fields of its own; this is the same request otherwise.
  const headers = { [FIELD]: "passive" };
  fetch(url, { method: "POST", body, headers, keepalive: true }).catch(() => {});
  return true;
};
