// Small drawings, and what all drawings share: colours of the page, sharp canvases, numbers as words.

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A drawing context in CSS pixels, as sharp as the screen; cleared. */
export function sharp(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = '12px system-ui, "Segoe UI", "Liberation Sans", sans-serif';
  pen.textBaseline = "middle";
  return { pen, width, height };
}

export const seconds = (us, decimals = 1) => `${(us / 1e6).toFixed(decimals)} s`;

export const clock = (us, decimals = 1) => us < 6e7 ? seconds(us, decimals)
  : `${Math.floor(us / 6e7)}:${((us / 1e6) % 60).toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0")}`;

export const whole = (count) => count.toLocaleString("en-GB").replaceAll(",", "\u202f");

export const percent = (share) => share > 0.995 && share < 1 ? ">99 %" : `${Math.round(100 * share)} %`;

export function milliseconds(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ms`;
}

/** The value under which a share of sorted numbers lie. */
export function quantile(sorted, share) {
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : null;
}

/** How often each latency came up: bars, with marks at the half and at 99 %. */
export function drawHistogram(canvas, sorted) {
  const { pen, width, height } = sharp(canvas);
  if (!sorted.length) return;
  const floor = height - 18;
  const top = Math.max(0.05, (quantile(sorted, 0.99) || 0) * 1.25);
  const bins = new Array(Math.max(12, Math.min(48, Math.floor(width / 9)))).fill(0);
  for (const value of sorted) bins[Math.min(bins.length - 1, Math.floor(value / top * bins.length))] += 1;
  const most = Math.max(...bins);
  const step = width / bins.length;
  pen.fillStyle = colour("line");
  bins.forEach((count, i) => {
    const tall = count ? Math.max(1.5, count / most * (floor - 20)) : 0;
    pen.fillRect(i * step, floor - tall, step - 1.5, tall);
  });
  pen.fillStyle = colour("faint");
  pen.fillRect(0, floor, width, 1);
  const marks = [[0.5, "half", "blue"], [0.99, "99 %", "orange"]];
  let right = -Infinity;
  for (const [share, word, name] of marks) {
    const x = Math.min(width - 1, quantile(sorted, share) / top * width);
    const wide = pen.measureText(word).width;
    const left = Math.max(right, x + 4 + wide > width ? x - 4 - wide : x + 4);
    pen.fillStyle = colour(name);
    pen.fillRect(x, 2, 1.5, floor - 2);
    if (left + wide <= width) pen.fillText(word, left, 8);
    right = left + wide + 8;
  }
  pen.fillStyle = colour("quiet");
  pen.fillText("0", 0, height - 7);
  const end = milliseconds(top);
  pen.fillText(end, width - pen.measureText(end).width, height - 7);
  const middle = "waiting and computing";
  pen.fillText(middle, (width - pen.measureText(middle).width) / 2, height - 7);
}

/** Spikes of the last windows, a band a layer, time to the right; a gap where windows in between were not shown. */
export function drawRaster(canvas, windows, layers) {
  const names = 92;
  const rows = layers.map((layer) => layer.neurons);
  const scale = Math.max(1, Math.min(2.5, 250 / Math.max(1, rows.reduce((a, b) => a + b, 0))));
  const bands = rows.map((count) => Math.max(18, count * scale));
  canvas.style.height = `${bands.reduce((a, b) => a + b + 8, 0) + 14}px`;
  const { pen, width, height } = sharp(canvas);
  const narrow = width < 480 ? 66 : names;
  const share = (width - narrow) / Math.max(1, windows.room);
  let top = 0;
  layers.forEach((layer, number) => {
    const tall = bands[number];
    pen.fillStyle = colour("shade");
    pen.fillRect(narrow, top, width - narrow, tall);
    pen.fillStyle = colour("quiet");
    pen.fillText(shortened(pen, layer.name, narrow - 8), 0, top + tall / 2);
    pen.fillStyle = colour("ink");
    windows.list.forEach((one, place) => {
      const found = one.raster.get(layer.name);
      if (!found) return;
      const left = narrow + (windows.room - windows.list.length + place) * share;
      const [cellWidth, cellHeight] = [(share - 1) / found.steps, tall / found.neurons];
      for (let step = 0; step < found.steps; step += 1) {
        for (let neuron = 0; neuron < found.neurons; neuron += 1) {
          if (!found.data[step * found.neurons + neuron]) continue;
          pen.fillRect(left + step * cellWidth, top + neuron * cellHeight, Math.max(1, cellWidth * 0.85),
            Math.max(1, cellHeight * 0.85));
        }
      }
    });
    top += tall + 8;
  });
  pen.fillStyle = colour("orange");
  windows.list.forEach((one, place) => {
    if (one.gap && place) pen.fillRect(narrow + (windows.room - windows.list.length + place) * share - 1, 0, 1, top - 8);
  });
  pen.fillStyle = colour("quiet");
  const words = windows.list.some((one, place) => one.gap && place) ? "orange: windows in between not drawn" : "time →";
  pen.fillText(words, width - pen.measureText(words).width, height - 7);
}

/** A word that fits, its end cut if it must be. */
export function shortened(pen, word, width) {
  if (pen.measureText(word).width <= width) return word;
  let kept = word;
  while (kept.length > 1 && pen.measureText(`${kept}…`).width > width) kept = kept.slice(0, -1);
  return `${kept}…`;
}
