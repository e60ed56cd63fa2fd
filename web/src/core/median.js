// By itself, as what needs it is tested without the packages of the page.
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), at = (sorted.length - 1) / 2;
  return (sorted[Math.floor(at)] + sorted[Math.ceil(at)]) / 2;
}
