// Buttons that keep a plot as a file: SVG, and PNG made of it.
import { html, useState } from "../core/html.js";
import { saveSvg, saveSvgPixels } from "../core/save.js";

export function Saves({ svg, name }) {
  const [failed, setFailed] = useState("");
  return html`<span class="saves" role="group" aria-label="Download this plot"><button type="button" onClick=${() => saveSvg(svg.current, `${name}.svg`)}>SVG</button>
    <button type="button" onClick=${() => saveSvgPixels(svg.current, `${name}.png`).catch((error) => setFailed(error.message))}>PNG</button>${failed && html`<span role="alert">${failed}</span>`}</span>`;
}
