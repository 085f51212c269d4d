// Numbers beside the pictures: counters and latencies.
import { drawHistogram, milliseconds, quantile, whole } from "./draw.js";

const get = (id) => document.getElementById(id);
const COUNTERS = [
  ["windows", "windows"], ["decisions", "decisions"], ["events", "events"], ["dropped_windows", "dropped windows", true],
  ["dropped_events", "dropped events", true], ["bad_events", "bad events", true], ["lost_packets", "lost packets", true],
  ["restarts", "restarts", true],
];
const REST = ["rest_events", "events behind the end", false]; // only of a live source that ended

/** Counters; what should be zero and is not stands out. */
export function drawCounters(list, tally, missed) {
  const shown = tally.rest_events > 0 ? [...COUNTERS, REST] : COUNTERS;
  const rows = [...shown.map(([key, word, bad]) => [word, tally[key], bad]), ["not drawn here", missed, false]];
  if (list.children.length !== rows.length) {
    list.replaceChildren(...rows.map(() => {
      const pair = document.createElement("div");
      pair.append(document.createElement("dt"), document.createElement("dd"));
      return pair;
    }));
  }
  rows.forEach(([word, count, bad], i) => {
    const pair = list.children[i];
    pair.classList.toggle("warn", Boolean(bad) && count > 0);
    pair.firstChild.textContent = word;
    pair.lastChild.textContent = whole(count);
  });
}

/** Latencies of the last decisions: a table and the histogram. */
export function drawLatency(rows, last) {
  const numbers = (pick) => rows.map(pick).filter((value) => value !== null).sort((a, b) => a - b);
  const kinds = [["evidence", (row) => row[3]], ["waiting", (row) => row[4]], ["computing", (row) => row[5]]];
  const body = get("latency-rows");
  if (!body.children.length) {
    for (const [word] of kinds) {
      const line = body.insertRow();
      line.append(...[word, "", "", ""].map(() => document.createElement("td")));
      line.cells[0].textContent = word;
    }
  }
  kinds.forEach(([, pick], i) => {
    const sorted = numbers(pick);
    [last ? pick(last) : null, quantile(sorted, 0.5), quantile(sorted, 0.99)].forEach((value, cell) => {
      body.rows[i].cells[cell + 1].textContent = milliseconds(value);
    });
  });
  get("latency-count").textContent = rows.length ? `last ${whole(rows.length)} decisions` : "";
  drawHistogram(get("histogram"), numbers((row) => row[4] === null || row[5] === null ? null : row[4] + row[5]));
}
