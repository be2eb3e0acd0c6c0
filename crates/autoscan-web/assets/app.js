// What a page gains with JavaScript: parts that renew themselves, and buttons that copy. Every page works without it.
"use strict";

(() => {
  const page = document.documentElement;
  const base = page.dataset.base || "";

  // A button that copies what another element shows.
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    const said = button.textContent;
    const done = (word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = said; }, 1500);
    };
    navigator.clipboard
      ? navigator.clipboard.writeText(source.textContent.trim()).then(() => done("Copied"), () => select(source, done))
      : select(source, done);
  });

  // On a narrow screen the names of the pages are a row that scrolls: that of this page is brought into view.
  const here = document.querySelector(".nav [aria-current]");
  if (here) {
    const row = here.parentElement;
    row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }

  // An address in which a name of this machine is missing gets the one by which the person reached this page.
  for (const each of document.querySelectorAll("[data-address]")) {
    each.textContent = each.textContent.replace(each.dataset.address, () => location.origin);
  }

  // Without a secure connection a browser has no clipboard: the text is selected instead.
  function select(source, done) {
    getSelection().selectAllChildren(source);
    done("Selected: press Ctrl C");
  }

  // Parts with data-live="topic …" are fetched anew when the server says that something of that topic changed.
  const parts = [...document.querySelectorAll("[data-live]")];
  if (parts.length === 0 || !("EventSource" in window)) return;

  let timer = 0;
  const changed = new Set();

  function wanted() {
    return parts.some((part) => part.dataset.live.split(" ").some((topic) => changed.has(topic)));
  }

  function plan() {
    if (timer || !wanted()) return;
    timer = setTimeout(renew, document.hidden ? 10000 : 700);
  }

  async function renew() {
    timer = 0;
    if (document.activeElement && document.activeElement.closest("[data-live] form, [data-live] details")) {
      timer = setTimeout(renew, 2000);
      return;
    }
    changed.clear();
    try {
      const answer = await fetch(location.href, { headers: { "X-Requested-With": "autoscan" }, redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) { location.reload(); return; }
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts) {
        const other = part.id && fresh.getElementById(part.id);
        if (other && other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
      }
    } catch {
      // The server is away: the stream below comes back by itself, and with it the next renewal.
    }
  }

  function heard(topic) {
    if (topic === "resync") parts.forEach((part) => part.dataset.live.split(" ").forEach((each) => changed.add(each)));
    changed.add(topic);
    plan();
  }

  const since = page.dataset.news || "";
  const log = document.querySelector("[data-live~=log]") !== null;
  if ("SharedWorker" in window) {
    // All pages of a browser share one stream. One that is left, or kept for the way back, hears nothing.
    const { port } = new SharedWorker(page.dataset.worker, { name: log ? "log" : "" });
    port.onmessage = ({ data }) => heard(data);
    port.postMessage({ since });
    addEventListener("pagehide", () => port.postMessage({ leaves: true }));
    addEventListener("pageshow", ({ persisted }) => { if (persisted) port.postMessage({ since }); });
  } else {
    const stream = new EventSource(`${base}/api/v1/live?since=${encodeURIComponent(since)}${log ? "&log=1" : ""}`);
    for (const topic of ["scan", "target", "trigger", "config", "log", "resync"]) {
      stream.addEventListener(topic, () => heard(topic));
    }
  }
})();

// A form with data-poll="seconds" is sent again and again by itself. While nothing is new the answer is 204; then the page is
// fetched anew.
(() => {
  const form = document.querySelector("form[data-poll]");
  if (!form) return;
  const pause = Number(form.dataset.poll) * 1000;

  async function ask() {
    try {
      const body = new URLSearchParams(new FormData(form));
      body.set("quiet", "1");
      const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
      if (answer.status !== 204) { location.reload(); return; }
    } catch {
      // The server is away: ask again.
    }
    setTimeout(ask, pause);
  }

  setTimeout(ask, pause);
})();
