// Probabilities over time: one line a class, the decided class in blue, its name in a ribbon below.
import { clock, colour, percent, sharp, shortened } from "./draw.js";

const MINUTE = 60e6;
const ROOM = 200000;
const [SINCE, CLASS, PROBABILITIES] = [0, 1, 2];

export class Timeline {
  constructor(canvas, tip) {
    [this.canvas, this.tip, this.rows, this.facts] = [canvas, tip, [], null];
    [this.wholeSpan, this.now, this.hover, this.onPick] = [false, 0, null, null];
    this.onChange = () => {};
    canvas.addEventListener("pointermove", (event) => this.point(event.offsetX));
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("blur", () => this.point(null));
    canvas.addEventListener("click", (event) => {
      if (this.onPick && this.facts) this.onPick(this.pickedAt(event.offsetX));
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** Take the facts of a stream; decisions of another one are forgotten. */
  begin(facts) {
    const same = this.facts && ["source", "model", "window_us", "duration_us"].every((k) => this.facts[k] === facts[k])
      && this.facts.classes.join("\n") === facts.classes.join("\n");
    if (!same) {
      [this.rows, this.now] = [[], 0];
      this.wholeSpan = facts.duration_us !== null && facts.duration_us <= 2 * MINUTE;
    }
    this.facts = facts;
    return same;
  }

  /** Put decisions in their place in time; a new one takes the place of an older one of the same moment. */
  add(rows) {
    const near = this.facts.window_us / 2;
    for (const row of rows) {
      const last = this.rows[this.rows.length - 1];
      if (!last || row[SINCE] > last[SINCE] + near) {
        this.rows.push(row);
        continue;
      }
      if (!this.facts.seekable && row[SINCE] < last[SINCE] - near) {
        this.rows.length = this.after(row[SINCE] - near);
        this.rows.push(row);
        continue;
      }
      const first = this.after(row[SINCE] - near);
      let stop = first;
      while (stop < this.rows.length && this.rows[stop][SINCE] <= row[SINCE] + near) stop += 1;
      this.rows.splice(first, stop - first, row);
    }
    if (this.rows.length > ROOM) this.rows.splice(0, this.rows.length - ROOM);
  }

  /** Place of the first row behind a moment. */
  after(moment) {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle][SINCE] > moment) high = middle; else low = middle + 1;
    }
    return low;
  }

  range() {
    const last = this.rows.length ? this.rows[this.rows.length - 1][SINCE] : 0;
    const { seekable, duration_us: duration } = this.facts;
    if (this.wholeSpan) return [0, Math.max(duration || 0, last, 1e6)];
    const right = seekable ? this.now : Math.max(last, this.now);
    const span = Math.min(MINUTE, Math.max(1e7, right));
    return right <= span ? [0, span] : [right - span, right];
  }

  momentAt(x) {
    const [from, to] = this.range();
    return Math.max(0, Math.min(to, from + (x - this.left) / Math.max(1, this.right - this.left) * (to - from)));
  }

  /** The moment of the decision that is told there, or the bare moment where none is near. */
  pickedAt(x) {
    const moment = this.momentAt(x);
    const near = this.rows.length ? this.rows[this.nearest(moment)][SINCE] : Infinity;
    const reach = Math.max(this.facts.window_us, this.momentAt(x + 2) - this.momentAt(x - 2));
    return Math.abs(near - moment) <= reach ? near : moment;
  }

  point(x) {
    this.hover = x === null || !this.facts || !this.rows.length ? null : this.nearest(this.momentAt(x));
    this.onChange();
  }

  nearest(moment) {
    const next = Math.min(this.rows.length - 1, this.after(moment));
    const before = Math.max(0, next - 1);
    return moment - this.rows[before][SINCE] < this.rows[next][SINCE] - moment ? before : next;
  }

  key(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Enter" && this.hover !== null && this.onPick) this.onPick(this.rows[this.hover][SINCE]);
    if (!way || !this.rows.length) return;
    event.preventDefault();
    event.stopPropagation();
    const start = this.hover === null ? this.nearest(this.now) : this.hover + way;
    this.hover = Math.max(0, Math.min(this.rows.length - 1, start));
    this.onChange();
  }

  draw() {
    const { pen, width, height } = sharp(this.canvas);
    if (!this.facts) return;
    Object.assign(this.canvas.dataset, { decisions: this.rows.length, from: this.rows[0]?.[SINCE] ?? "" });
    const classes = this.facts.classes;
    const widest = Math.max(...classes.map((name) => pen.measureText(name).width)) + 14;
    [this.left, this.right] = [44, width - Math.min(widest, width * 0.22)];
    const [top, floor, ribbon] = [8, height - 50, height - 42];
    const [from, to] = this.range();
    const x = (us) => this.left + (us - from) / (to - from) * (this.right - this.left);
    const y = (share) => floor - share * (floor - top);
    this.axes(pen, x, y, from, to, height);
    const first = Math.max(0, this.after(from - this.facts.window_us) - 1);
    const stop = Math.min(this.rows.length, this.after(to));
    const shown = thinned(this.rows, first, stop, 2 * (this.right - this.left));
    const step = shown.length > 1 ? (stop - first) / shown.length : 1;
    const gap = Math.max(4 * this.facts.window_us * step, 3 / (this.right - this.left) * (to - from));
    pen.save();
    pen.beginPath();
    pen.rect(this.left, 0, this.right - this.left + 2, height);
    pen.clip();
    this.lines(pen, shown, x, y, gap);
    this.ribbon(pen, shown, x, ribbon, gap);
    if (this.facts.seekable || this.now < to) {
      pen.fillStyle = colour("ink");
      pen.fillRect(x(this.now) - 0.5, top - 4, 1, floor - top + 30);
    }
    pen.restore();
    this.names(pen, y, top, floor, width);
    this.tell(pen, x, y, top, floor);
  }

  axes(pen, x, y, from, to, height) {
    for (const share of [0, 0.5, 1]) {
      pen.fillStyle = colour("faint");
      pen.fillRect(this.left, y(share), this.right - this.left, 1);
      pen.fillStyle = colour("quiet");
      const word = share ? `${100 * share} %` : "0";
      pen.fillText(word, this.left - 6 - pen.measureText(word).width, y(share));
    }
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].map((s) => 1e6 * s);
    const step = steps.find((one) => (to - from) / one <= (this.right - this.left) / 70) || 7200e6;
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      const word = clock(at, step < 1e6 ? 1 : 0);
      const place = Math.min(x(at) - pen.measureText(word).width / 2, this.right - pen.measureText(word).width);
      pen.fillText(word, Math.max(this.left, place), height - 8);
    }
  }

  lines(pen, shown, x, y, gap) {
    pen.lineJoin = "round";
    for (const decided of [false, true]) {
      pen.strokeStyle = colour(decided ? "blue" : "line");
      pen.lineWidth = decided ? 2.4 : 1;
      this.facts.classes.forEach((_, number) => {
        pen.beginPath();
        shown.forEach((row, i) => {
          const before = shown[i - 1];
          const apart = !before || row[SINCE] - before[SINCE] > gap;
          const [px, py] = [x(row[SINCE]), y(row[PROBABILITIES][number])];
          const here = !decided || row[CLASS] === number;
          if (!here) return;
          if (apart) {
            pen.moveTo(px - 1, py);
          } else if (decided && before[CLASS] !== number) {
            pen.moveTo(x(before[SINCE]), y(before[PROBABILITIES][number]));
          }
          pen.lineTo(px, py);
        });
        pen.stroke();
      });
    }
  }

  /** Stretches of one decision, each with its name where it fits. */
  ribbon(pen, shown, x, top, gap) {
    const now = shown.length ? shown[this.placeOfNow(shown)][CLASS] : -1;
    let start = 0;
    for (let i = 1; i <= shown.length; i += 1) {
      const [row, before] = [shown[i], shown[i - 1]];
      const apart = !row || row[SINCE] - before[SINCE] > gap;
      if (!apart && row[CLASS] === before[CLASS]) continue;
      const number = before[CLASS];
      const back = Math.min(gap / 4, this.facts.window_us);
      const left = x(start && shown[start][SINCE] - shown[start - 1][SINCE] <= gap ? shown[start - 1][SINCE]
        : shown[start][SINCE] - back);
      const wide = x(before[SINCE]) - left;
      pen.fillStyle = number === now ? colour("blue") : colour("faint");
      pen.fillRect(left, top, Math.max(1, wide - 1), 18);
      const word = this.facts.classes[number] || "";
      if (wide > 34) {
        pen.fillStyle = number === now ? colour("card") : colour("quiet");
        const fitting = shortened(pen, word, wide - 10);
        if (fitting.length > 2) pen.fillText(fitting, left + 5, top + 9.5);
      }
      start = i;
    }
  }

  placeOfNow(shown) {
    let place = shown.findIndex((row) => row[SINCE] > this.now + 1);
    if (place < 0) place = shown.length;
    return Math.max(0, place - 1);
  }

  /** Names of the three strongest classes now, beside their values. */
  names(pen, y, top, floor, width) {
    if (!this.rows.length) return;
    const row = this.rows[Math.max(0, this.after(this.now + 1) - 1)];
    const strongest = row[PROBABILITIES].map((share, number) => [share, number]).sort((a, b) => b[0] - a[0]).slice(0, 3);
    let lowest = top - 15;
    const room = strongest.length;
    strongest.forEach(([share, number], i) => {
      const place = Math.min(Math.max(y(share), lowest + 15), floor - 15 * (room - 1 - i));
      lowest = place;
      pen.fillStyle = colour(number === row[CLASS] ? "blue" : "quiet");
      pen.fillText(shortened(pen, this.facts.classes[number], width - this.right - 8), this.right + 8, place);
    });
  }

  /** Values of the decision under the pointer. */
  tell(pen, x, y, top, floor) {
    const row = this.hover === null ? null : this.rows[this.hover];
    this.tip.hidden = !row;
    if (!row) return;
    const place = x(row[SINCE]);
    pen.fillStyle = colour("quiet");
    pen.fillRect(place - 0.5, top, 1, floor - top);
    const order = row[PROBABILITIES].map((share, number) => [share, number]).sort((a, b) => b[0] - a[0]);
    const lines = order.slice(0, 8).map(([share, number]) => {
      const line = document.createElement(number === row[CLASS] ? "b" : "span");
      line.textContent = `\n${percent(share).padStart(5, "\u2007")}  ${this.facts.classes[number]}`;
      return line;
    });
    const extra = order.length > 8 ? [`\n${order.length - 8} more`] : [];
    this.tip.replaceChildren(clock(row[SINCE], 2), ...lines, ...extra);
    for (const [, number] of order.slice(0, 3)) {
      pen.beginPath();
      pen.fillStyle = colour(number === row[CLASS] ? "blue" : "quiet");
      pen.arc(place, y(row[PROBABILITIES][number]), 3, 0, 2 * Math.PI);
      pen.fill();
    }
    const left = place > this.canvas.clientWidth / 2 ? place - this.tip.offsetWidth - 10 : place + 10;
    this.tip.style.left = `${Math.max(0, Math.min(left, this.canvas.clientWidth - this.tip.offsetWidth))}px`;
  }
}

/** At most about so many rows, evenly from a stretch, always the same ones as it grows. */
function thinned(rows, first, stop, most) {
  let step = 1;
  while ((stop - first) / step > most) step *= 2;
  if (step === 1) return rows.slice(first, stop);
  const kept = [];
  for (let i = Math.ceil(first / step) * step; i < stop; i += step) kept.push(rows[i]);
  if (kept[kept.length - 1] !== rows[stop - 1]) kept.push(rows[stop - 1]);
  return kept;
}
