// A million points as pixels of a canvas: one pass counts points and adds up colours per pixel, then one image is put.
// No WebGL: on machines without a graphics card it redraws two times a second, this some thirty times.
const CELLS = 256, RINGS = 2000;

/** Positions scaled to 16 bits; NaN has none. */
export function quantise(values, low, high) {
  const out = new Uint16Array(values.length), scale = 65534 / (high - low || 1);
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    out[at] = value === value ? Math.min(65534, Math.max(0, (value - low) * scale)) : 65535;
  }
  return out;
}

/** Points by their cell in a grid over the whole plane, for hovering and the lasso. */
export function gridOf(x, y) {
  const starts = new Uint32Array(CELLS * CELLS + 1);
  const cell = (at) => (y[at] >> 8) * CELLS + (x[at] >> 8);
  for (let at = 0; at < x.length; at++) if (x[at] !== 65535 && y[at] !== 65535) starts[cell(at) + 1]++;
  for (let at = 1; at < starts.length; at++) starts[at] += starts[at - 1];
  const fill = starts.slice(), points = new Uint32Array(starts.at(-1));
  for (let at = 0; at < x.length; at++) if (x[at] !== 65535 && y[at] !== 65535) points[fill[cell(at)]++] = at;
  return { starts, points };
}

/** Points within some distance of a place, nearest first. */
export function near(grid, x, y, px, py, reach) {
  const found = [];
  const [left, right, low, high] = [px - reach, px + reach, py - reach, py + reach].map((value) => Math.max(0, Math.min(255, value >> 8)));
  for (let row = low; row <= high; row++) {
    for (let at = grid.starts[row * CELLS + left]; at < grid.starts[row * CELLS + right + 1]; at++) {
      const point = grid.points[at], far = Math.hypot(x[point] - px, y[point] - py);
      if (far <= reach) found.push([far, point]);
    }
  }
  return found.sort((a, b) => a[0] - b[0]).map(([, point]) => point);
}

/**
 * The nearest point in a direction, -1 if there is none: `from` is a place, `way` [1, 0] for right, [0, 1] for up, `scale`
 * the pixels of a step along x and y.  What lies aside counts double, so that a row of points is followed.
 */
export function toward(x, y, [fx, fy], [wx, wy], [sx, sy]) {
  let best = -1, least = Infinity;
  for (let at = 0; at < x.length; at++) {
    if (x[at] === 65535 || y[at] === 65535) continue;
    const dx = (x[at] - fx) * sx, dy = (y[at] - fy) * sy, along = dx * wx + dy * wy;
    if (along <= 0) continue;
    const cost = along + 2 * Math.abs(dx * wy - dy * wx);
    if (cost < least) { least = cost; best = at; }
  }
  return best;
}

/** The point nearest to a place, -1 if there is none. */
export function closest(x, y, [fx, fy], [sx, sy]) {
  let best = -1, least = Infinity;
  for (let at = 0; at < x.length; at++) {
    if (x[at] === 65535 || y[at] === 65535) continue;
    const far = Math.hypot((x[at] - fx) * sx, (y[at] - fy) * sy);
    if (far < least) { least = far; best = at; }
  }
  return best;
}

/** Points inside a polygon of [x, y]. */
export function inside(x, y, polygon) {
  const found = [];
  const xs = polygon.map((corner) => corner[0]), ys = polygon.map((corner) => corner[1]);
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  for (let at = 0; at < x.length; at++) {
    const px = x[at], py = y[at];
    if (px < left || px > right || py < low || py > high || px === 65535 || py === 65535) continue;
    let within = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      if (ys[a] > py !== ys[b] > py && px < ((xs[b] - xs[a]) * (py - ys[a])) / (ys[b] - ys[a]) + xs[a]) within = !within;
    }
    if (within) found.push(at);
  }
  return found;
}

/**
 * Draw points: `view` {x, y, wide, tall} is the part of the plane (0 to 65534) that the canvas shows; `colours` are
 * [r, g, b] of the categories in `category`; `step` draws every so-manieth point.  `known` points have a place.  Returns how many fell into the view.
 */
export function draw(context, { x, y, category, colours, view, back, step = 1, chosen = null, known = x.length }) {
  const { width, height } = context.canvas;
  const image = context.createImageData(width, height), out = image.data;
  const counts = new Uint16Array(width * height), best = new Uint8Array(width * height), weight = new Uint16Array(width * height);
  const sx = width / view.wide, sy = height / view.tall;
  const dot = Math.max(1, Math.min(6, Math.round(600 / Math.sqrt(known * Math.max(1e-6, (view.wide * view.tall) / 65534 ** 2)))));
  let shown = 0;
  for (let at = 0; at < x.length; at += step) {
    if (x[at] === 65535 || y[at] === 65535) continue;
    const px = ((x[at] - view.x) * sx) | 0, py = (height - 1 - (y[at] - view.y) * sy) | 0;
    if (px < 0 || py < 0 || px >= width || py >= height || x[at] < view.x) continue;
    shown++;
    const tone = category ? category[at] : 0;
    if (dot === 1) { // many points: no loop over the pixels of a dot
      const place = py * width + px;
      if (counts[place] < 65535) counts[place]++;
      if (weight[place] === 0) { best[place] = tone; weight[place] = 1; }
      else if (best[place] === tone) weight[place]++;
      else weight[place]--;
      continue;
    }
    for (let dy = 0; dy < dot; dy++) {
      const row = py + dy - (dot >> 1);
      if (row < 0 || row >= height) continue;
      for (let dx = 0; dx < dot; dx++) {
        const col = px + dx - (dot >> 1);
        if (col < 0 || col >= width) continue;
        const place = row * width + col;
        if (counts[place] < 65535) counts[place]++;
        // majority vote of the categories in a pixel, in one pass
        if (weight[place] === 0) { best[place] = tone; weight[place] = 1; }
        else if (best[place] === tone) weight[place]++;
        else weight[place]--;
      }
    }
  }
  let most = 1;
  for (let at = 0; at < counts.length; at++) if (counts[at] > most) most = counts[at];
  const full = Math.log1p(most);
  const floor = known < 20_000 ? 0.85 : 0.5; // few points: each as clear as the next
  for (let at = 0, place = 0; at < counts.length; at++, place += 4) {
    const n = counts[at];
    const share = n ? floor + ((1 - floor) * Math.log1p(n)) / full : 0;
    const ink = colours[best[at]] ?? colours.at(-1);
    for (let part = 0; part < 3; part++) out[place + part] = back[part] + (ink[part] - back[part]) * share;
    out[place + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  if (chosen && chosen.length > RINGS) {
    // too many for rings: each a dark square
    context.fillStyle = context.ink;
    for (const at of chosen) context.fillRect(((x[at] - view.x) * sx | 0) - 1, (height - 1 - (y[at] - view.y) * sy | 0) - 1, 3, 3);
  } else if (chosen) {
    context.strokeStyle = context.ink;
    for (const at of chosen) {
      const px = (x[at] - view.x) * sx, py = height - 1 - (y[at] - view.y) * sy;
      context.beginPath();
      context.arc(px, py, 4, 0, 7);
      context.stroke();
    }
  }
  return shown;
}
