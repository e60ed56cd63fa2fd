// Keys that work everywhere: / searches, g and a letter goes to a view, ? shows them all, Esc closes.
import { html, signal, useEffect, useRef } from "../core/html.js";
import { go, link } from "../core/route.js";

export const help = signal(false);
const PLACES = { a: ["Ask", []], l: ["Look up", ["lookup"]], m: ["Map", ["map"]], r: ["Repurposing", ["repurposing"]], d: ["Disease library", ["library"]], h: ["History", ["history"]], i: ["About", ["about"]] };

/** Close open menus, but not one that holds `inside`; the focus goes back to the button of one that held it. */
function closeMenus(inside, back = false) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (inside && menu.contains(inside)) continue;
    if (back && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

export function keys() {
  let after = 0;
  const listen = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { help.value = false; closeMenus(null, true); return; }
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    if (event.key === "/") { event.preventDefault(); document.getElementById("search")?.focus(); return; }
    if (event.key === "?") { help.value = true; return; }
    if (event.key === "g") { after = Date.now(); return; }
    const place = PLACES[event.key];
    if (place && Date.now() - after < 1500) { event.preventDefault(); after = 0; go(link(...place[1])); }
  };
  const click = (event) => closeMenus(event.target);
  document.addEventListener("keydown", listen);
  document.addEventListener("click", click);
  return () => { document.removeEventListener("keydown", listen); document.removeEventListener("click", click); };
}

export function Help() {
  const box = useRef(null);
  useEffect(() => { if (help.value) box.current?.showModal(); else box.current?.close(); }, [help.value]);
  return html`<dialog ref=${box} aria-labelledby="keys" onClose=${() => { help.value = false; }}>
    <h2 id="keys">Keys</h2>
    <dl class="keys"><dt><kbd>/</kbd></dt><dd>search</dd>
      ${Object.entries(PLACES).map(([key, [name]]) => [html`<dt><kbd>g</kbd> <kbd>${key}</kbd></dt>`, html`<dd>${name}</dd>`])}
      <dt>arrows</dt><dd>move in a table, a heat map or from point to point of a plot; what is there is read out</dd><dt><kbd>Enter</kbd></dt><dd>opens a row, a point, or the signatures of a field</dd><dt><kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd></dt><dd>zoom a plot; <kbd>Shift</kbd> and arrows move it</dd>
      <dt><kbd>Ctrl</kbd> <kbd>Enter</kbd></dt><dd>asks, from the boxes</dd><dt><kbd>Esc</kbd></dt><dd>closes</dd><dt><kbd>?</kbd></dt><dd>this help</dd></dl>
    <button type="button" onClick=${() => { help.value = false; }}>Close</button></dialog>`;
}
