// Colours that a canvas needs; the same as in style.css.  Blue opposes, orange connects; a sign always stands beside them.
const stops = {
  light: [[11, 95, 165], [247, 247, 247], [178, 88, 18]],
  dark: [[92, 168, 232], [34, 39, 46], [236, 148, 72]],
};

/** Background, ink, soft ink, lines and accent of a plot that is drawn, not styled. */
export const paper = (dark) => (dark ? { back: "#14181e", ink: "#e6e9ee", soft: "#8a94a3", line: "#2c343f", words: "#aab4c2", accent: "#5ca8e8" }
  : { back: "#ffffff", ink: "#1d2430", soft: "#6b7480", line: "#e3e7ed", words: "#4d5766", accent: "#0b5fa5" });

const mix = (a, b, share) => a.map((value, at) => Math.round(value + (b[at] - value) * share));

/** Diverging colour of a value from -1 to 1, as [r, g, b]. */
export function diverging(value, dark) {
  const [low, middle, high] = stops[dark ? "dark" : "light"];
  const share = Math.min(1, Math.abs(value));
  return mix(middle, value < 0 ? low : high, share);
}

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/** Black or white, whichever reads better on a colour. */
export const inkOn = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#14181e" : "#ffffff");

const LIGHT = ["#0b5fa5", "#b25812", "#2f7d4f", "#8a3f96", "#a8324a", "#5d6b00", "#00767a", "#6a4a2d", "#4a55b8", "#9a6a00"];
const DARK = ["#5ca8e8", "#ec9448", "#6cc48f", "#cb8ad6", "#ee8298", "#b9c64a", "#4cc0c4", "#c9a27c", "#a2aaf2", "#e0b04a"];

/** Colours of categories; the last stands for "other". */
export const categories = (dark) => (dark ? DARK : LIGHT);
export const other = (dark) => (dark ? "#6b7480" : "#9aa3ae");
export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
