// A line of any number of values, by uPlot.
import uPlot from "uplot";
import { html, useEffect, useRef } from "../core/html.js";
import { paper } from "../core/colour.js";
import { saveCanvas } from "../core/save.js";
import { useDark, useWidth } from "../core/use.js";

export function Line({ values, label, xTitle, yTitle, file, tall = 200 }) {
  const node = useRef(null);
  const wide = useWidth(node, 400), dark = useDark();
  useEffect(() => {
    const { words: ink, line, accent } = paper(dark), grid = { stroke: line, width: 1 };
    const axis = (words) => ({ label: words, stroke: ink, grid, ticks: grid, font: "12px system-ui", labelFont: "12px system-ui", size: 42, labelSize: 18 });
    const plot = new uPlot({
      width: Math.max(200, wide), height: tall, legend: { show: false }, cursor: { y: false }, scales: { x: { time: false } },
      axes: [axis(xTitle), axis(yTitle)], series: [{}, { stroke: accent, width: 1.5, points: { show: false } }],
    }, [Array.from(values, (_, at) => at + 1), values], node.current);
    return () => plot.destroy();
  }, [values, wide, dark]);
  return html`<div class="line" role="img" aria-label=${label} ref=${node}></div>${file && html`<span class="saves">Download <button type="button" onClick=${() => saveCanvas(node.current.querySelector("canvas"), `${file}.png`)}>PNG</button></span>`}`;
}
