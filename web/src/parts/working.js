// Something that takes its time: what it is, how long it has taken, and a way to stop it.
import { html, useEffect, useState } from "../core/html.js";

export function Working({ what, onCancel }) {
  const [seconds, set] = useState(0);
  useEffect(() => { const begun = performance.now(), timer = setInterval(() => set((performance.now() - begun) / 1000), 200); return () => clearInterval(timer); }, []);
  return html`<div class="waiting row" role="status"><span class="spinner" aria-hidden="true"></span><span>${what} ... ${seconds >= 1 ? html`<span class="soft">${seconds.toFixed(0)} s</span>` : ""}</span>${onCancel && html`<button type="button" onClick=${onCancel}>Cancel</button>`}</div>`;
}
