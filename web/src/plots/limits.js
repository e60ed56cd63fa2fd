// Limits of a colour scale that a few odd values do not stretch.
import { median } from "../core/median.js";

const REACH = 3; // robust standard deviations around the median
const MAD = 1.4826, SOME = 3, WIDE = 100; // values of one sign that differ by more than this factor are spaced by logarithm

/** Median and robust standard deviation; where most values are one and the same, the deviation of those that differ, if there are some. */
function spread(values) {
  const middle = median(values), away = values.map((value) => Math.abs(value - middle));
  const other = away.filter((value) => value > 0);
  return [middle, MAD * (median(away) || (other.length >= SOME ? median(other) : 0))];
}

/**
 * {low, high, share(value), log}: median and three robust standard deviations around it, but not beyond what there is.
 * `share` is 0 at the low end, 1 at the high end, below 0 and above 1 beyond them.
 */
export function limitsOf(values, spaced = false) {
  const log = spaced && values.every((value) => value > 0) && Math.max(...values) > WIDE * Math.min(...values);
  const to = log ? Math.log : (value) => value, back = log ? Math.exp : (value) => value;
  const scaled = values.map(to), [middle, deviation] = spread(scaled);
  const reach = REACH * deviation, least = Math.min(...scaled), most = Math.max(...scaled);
  const within = scaled.filter((value) => Math.abs(value - middle) <= reach);
  const [low, high] = [Math.min(...within, middle), Math.max(...within, middle)];
  const share = (value) => (high > low ? (to(value) - low) / (high - low) : to(value) === low ? 0.5 : to(value) < low ? -1 : 2);
  return { low: low === least ? Math.min(...values) : back(low), high: high === most ? Math.max(...values) : back(high), share, log };
}
