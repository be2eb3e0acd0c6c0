// One live stream for all pages of a browser: a browser opens six connections to one address, and each stream keeps one.
// It runs as a SharedWorker, which ends by itself with the last page. Its name is "log" where news of the log are wanted.
"use strict";

const TOPICS = ["scan", "target", "trigger", "config", "log", "resync"];
// After a refusal, such as a session that is over, the stream is opened again so late, in milliseconds.
const AGAIN = 30000;

const base = location.pathname.replace(/\/assets\/[^/]*$/, "");
const pages = new Set();
let stream = null;
// The number of the last news.
let last = "";

function open(since) {
  last = since;
  stream = new EventSource(`${base}/api/v1/live?since=${encodeURIComponent(since)}${name === "log" ? "&log=1" : ""}`);
  const mine = stream;
  for (const topic of TOPICS) {
    mine.addEventListener(topic, (event) => {
      last = event.lastEventId || last;
      for (const page of pages) page.postMessage(topic);
    });
  }
  mine.addEventListener("error", () => {
    if (mine === stream && mine.readyState === EventSource.CLOSED) {
      setTimeout(() => { if (mine === stream && pages.size > 0) open(last); }, AGAIN);
    }
  });
}

function leave(page) {
  pages.delete(page);
  if (pages.size === 0 && stream) {
    stream.close();
    stream = null;
  }
}

onconnect = ({ ports: [page] }) => {
  page.onmessage = ({ data }) => {
    if (data.leaves) { leave(page); return; }
    pages.add(page);
    if (!stream || stream.readyState === EventSource.CLOSED) {
      open(data.since);
    } else if (data.since !== last) {
      // What came between the drawing of the page and now was told to the other pages.
      page.postMessage("resync");
    }
  };
};
