// The page: one connection to the stream, and everything that shows it.
import { Connection } from "./connection.js";
import { clock, drawRaster, percent, whole } from "./draw.js";
import { drawCounters, drawLatency } from "./numbers.js";
import { Timeline } from "./timeline.js";

const LATENCIES = 1000;
const KEPT_US = 10e6;
const LONG = 16;
const get = (id) => document.getElementById(id);
const timeline = new Timeline(get("timeline"), get("tip"));
const page = { facts: null, live: null, shown: null, kept: [], following: true, paused: false, ended: false,
  failure: null, connected: false, times: [], windows: { list: [], room: 8 }, seeking: false, wanted: null };
let [waiting, spokenAt, drawing] = [false, 0, null];

if (new URLSearchParams(location.search).has("token")) history.replaceState(null, "", location.pathname);

const connection = new Connection({
  hello(message) {
    const same = timeline.begin(message.facts) && page.stream === message.stream;
    page.facts = message.facts;
    page.stream = message.stream;
    timeline.add(message.decisions);
    if (!same) Object.assign(page, { kept: [], following: true, live: null, shown: null });
    if (message.decisions.length) timeline.now = message.decisions[message.decisions.length - 1][0];
    page.times = message.decisions.slice(-LATENCIES);
    page.windows = { list: [], room: Math.max(4, Math.min(20, Math.round(1e6 / message.facts.window_us))) };
    page.connected = true;
    notice("");
    get("face-words").textContent = message.face;
    begin(message.facts);
    standing(message);
  },
  shown(message, parts) {
    timeline.add(message.decisions);
    page.times = page.times.concat(message.decisions).slice(-LATENCIES);
    const frame = { message, parts, raster: rasterOf(message, parts) };
    page.live = frame;
    if (frame.raster.size) {
      const before = page.windows.list[page.windows.list.length - 1];
      const gap = before && before.message.number + 1 !== message.number;
      page.windows.list = [...page.windows.list, { ...frame, gap }].slice(-page.windows.room);
    }
    if (!page.facts.seekable && parts.length) {
      page.kept.push(frame);
      const last = page.kept[0].message.since_us > message.since_us ? Infinity : message.since_us - KEPT_US;
      page.kept = page.kept.filter((one) => one === frame || one.message.since_us >= last);
    }
    if (page.following) page.shown = frame;
    standing(message);
  },
  state: standing,
  error(message) { notice(message.text); },
  away(seconds) {
    page.connected = false;
    page.seeking = false;
    page.away = seconds;
    later();
  },
});

function rasterOf(message, parts) {
  const found = new Map();
  for (const part of parts.filter((one) => one.name === "raster")) found.set(part.layer, part);
  return found;
}

/** How the stream stands, from any message. */
function standing(message) {
  page.paused = message.paused;
  page.ended = message.ended;
  page.failure = message.failure;
  page.tally = message.tally;
  later();
}

function notice(words) {
  get("notice").textContent = words;
  get("notice").hidden = !words;
}

/** What is shown once for a stream. */
function begin(facts) {
  const speed = facts.speed === null ? "as fast as it goes" : facts.speed === 1 ? "real time" : `${facts.speed}× speed`;
  get("facts").textContent = `${facts.source} · ${facts.model}${facts.model === facts.backend ? "" : ` (${facts.backend})`} · `
    + `${Math.round(facts.window_us / 100) / 10} ms windows · ${speed}`;
  document.title = `${facts.source} · neurofer watch`;
  get("bars").replaceChildren(...facts.classes.map((name) => {
    const line = document.createElement("li");
    line.innerHTML = '<span class="name"></span><span class="track"><i></i></span><span class="value"></span>';
    line.querySelector(".name").textContent = line.title = name;
    return line;
  }));
  // Of a recording the slider counts windows, from 1; of a live source, frames that are kept.
  get("bars").classList.toggle("long", facts.classes.some((name) => name.length > LONG));
  get("bars").classList.toggle("many", facts.classes.length > 14);
  const scrub = get("scrub");
  [scrub.min, scrub.step] = [facts.seekable ? 1 : 0, 1];
  if (facts.seekable) scrub.max = Math.max(1, Math.round(facts.duration_us / facts.window_us));
  timeline.onPick = facts.seekable ? seek : null;
  get("timeline").classList.toggle("seekable", facts.seekable);
  get("span").hidden = facts.duration_us !== null && facts.duration_us <= 10e6;
}

/** Draw all, once before the next picture of the screen. */
function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

function draw() {
  drawStatus();
  if (!page.facts) return;
  const frame = page.shown;
  if (frame) {
    if (!page.seeking) timeline.now = frame.message.since_us;
    drawPictures(frame);
    drawDecision(frame.message);
    drawCounters(get("counters"), page.tally, page.live.message.missed + page.live.message.skipped);
  }
  drawTransport(frame);
  drawLatency(page.times, page.shown?.message.decision);
  const words = timeline.wholeSpan ? ["from the start", "last minute"] : ["last minute", "from the start"];
  get("span-words").textContent = page.facts.seekable && timeline.wholeSpan ? "whole recording" : words[0];
  get("span").textContent = page.facts.seekable && !timeline.wholeSpan ? "whole recording" : words[1];
  timeline.draw();
  const layers = [...(page.windows.list[page.windows.list.length - 1]?.raster || new Map()).values()].map((one) => ({ name: one.layer, neurons: one.neurons }));
  document.querySelector("main").classList.toggle("ann", !layers.length);
  document.querySelector(".raster").hidden = !layers.length;
  if (layers.length) drawRaster(get("raster"), page.windows, layers);
}

function drawStatus() {
  const status = get("status");
  const words = !page.connected ? ["warn", page.away ? `disconnected, trying again in ${page.away} s` : "connecting"]
    : page.failure ? ["warn", "stopped by an error"] : page.ended ? ["quiet", "ended"]
      : page.paused ? ["quiet", "paused"] : ["live", page.facts?.seekable ? "playing" : "live"];
  status.dataset.mood = words[0];
  if (status.textContent !== words[1]) status.textContent = words[1];
  if (page.connected && page.failure) notice(page.failure);
}

function drawPictures(frame) {
  const { message } = frame;
  get("rate").textContent = `${whole(Math.round(message.events / Math.max(1, message.length_us) * 1e6))} a second`;
  const [width, height] = message.sensor;
  get("event-frame").style.aspectRatio = `${width} / ${height}`;
  const box = get("box");
  box.hidden = !message.box;
  if (message.box) {
    const [left, top, wide, tall] = message.box;
    Object.assign(box.style, { left: `${100 * left / width}%`, top: `${100 * top / height}%`,
      width: `${100 * wide / width}%`, height: `${100 * tall / height}%` });
  }
  get("no-face").hidden = Boolean(message.box);
  if (!drawing && frame !== page.drawn) {
    drawing = frame;
    Promise.all(frame.parts.filter((part) => part.name !== "raster").map(paint)).catch(() => {}).then(() => {
      page.drawn = drawing;
      drawing = null;
      if (page.shown !== page.drawn) later();
    });
  }
}

async function paint(part) {
  const picture = await createImageBitmap(new Blob([part.data], { type: "image/png" }));
  const canvas = get(part.name);
  if (canvas.width !== part.width || canvas.height !== part.height) [canvas.width, canvas.height] = [part.width, part.height];
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0);
  picture.close();
}

function drawDecision(message) {
  const [label, row] = [get("label"), message.decision];
  get("when").textContent = `at ${clock(message.since_us, 2)}`;
  label.dataset.known = row ? "yes" : "no";
  label.textContent = row ? message.label : "too little context";
  label.classList.toggle("long", Boolean(row) && message.label.length > LONG);
  [...get("bars").children].forEach((line, number) => {
    const share = row ? row[2][number] : 0;
    line.classList.toggle("first", Boolean(row) && number === row[1]);
    line.querySelector("i").style.transform = `scaleX(${share})`;
    line.querySelector(".value").textContent = row ? percent(share) : "";
  });
  const now = performance.now();
  if (row && now - spokenAt > 1500 && get("spoken").textContent !== message.label) {
    get("spoken").textContent = message.label;
    spokenAt = now;
  }
}

function drawTransport(frame) {
  const [pause, scrub, { facts }] = [get("pause"), get("scrub"), page];
  pause.disabled = !page.connected || Boolean(page.failure) || (page.ended && !facts.seekable);
  pause.setAttribute("aria-pressed", String(page.paused));
  const again = page.ended && !page.paused;
  pause.dataset.shows = again || page.paused ? "play" : "pause";
  get("pause-word").textContent = again ? "again" : page.paused ? "go on" : "pause";
  const now = page.seeking ? timeline.now : frame ? frame.message.since_us : 0;
  if (facts.seekable) {
    scrub.disabled = !page.connected;
    if (!page.seeking) scrub.value = Math.round(now / facts.window_us);
    get("moment").textContent = `${clock(Math.min(now, facts.duration_us), 2)} of ${clock(facts.duration_us, 2)}`;
  } else {
    const last = page.kept.length - 1;
    scrub.disabled = last < 1;
    scrub.max = Math.max(1, last);
    scrub.value = page.following ? scrub.max : Math.max(0, page.kept.indexOf(frame));
    const back = page.live && frame ? page.live.message.since_us - frame.message.since_us : 0;
    get("moment").textContent = page.following ? clock(now, 2) : `${clock(now, 2)}, ${clock(back)} ago`;
  }
  scrub.setAttribute("aria-valuetext", get("moment").textContent);
  get("follow").hidden = facts.seekable || page.following;
}

/** Ask for the window that holds a moment or ends with it; of many in a row, the newest once the one before is out.
 * A recording that is at its end stands still there, so that it can be looked through. */
function seek(since) {
  const [scrub, width] = [get("scrub"), page.facts.window_us];
  scrub.value = Math.max(1, Math.ceil(since / width - 0.01));
  page.wanted = Math.round((Number(scrub.value) - 0.5) * width);
  page.seeking = true;
  timeline.now = Math.round(Number(scrub.value) * width);
  if (page.ended && !page.paused) connection.send({ do: "pause" });
  later();
  if (page.timer) return;
  const send = () => {
    page.timer = null;
    if (page.wanted === null) {
      page.seeking = false;
      return;
    }
    connection.send({ do: "seek", since_us: page.wanted });
    page.wanted = null;
    page.timer = setTimeout(send, 120);
  };
  send();
}

function toggle() {
  if (get("pause").disabled) return;
  connection.send({ do: page.paused || page.ended ? "resume" : "pause" });
  if (page.ended && !page.paused) connection.send({ do: "seek", since_us: 0 });
}

get("pause").addEventListener("click", toggle);
get("follow").addEventListener("click", () => { Object.assign(page, { following: true, shown: page.live }); later(); });
get("span").addEventListener("click", () => { timeline.wholeSpan = !timeline.wholeSpan; later(); });
get("scrub").addEventListener("input", (event) => {
  const value = Number(event.target.value);
  if (page.facts.seekable) {
    seek(value * page.facts.window_us);
    return;
  }
  page.following = value >= page.kept.length - 1;
  page.shown = page.kept[Math.min(value, page.kept.length - 1)];
  later();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !page.facts) return;
  if (event.key === " " && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    toggle();
  }
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (way && page.facts.seekable && event.target === document.body) {
    seek((page.seeking ? timeline.now : page.shown?.message.since_us || 0) + way * 1e6);
  }
});
timeline.onChange = later;
window.addEventListener("resize", later);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
connection.open();
