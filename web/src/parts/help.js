// What a column means: words that appear when its title is hovered or has the focus, and that a screen reader reads with it.
import { html, useLayoutEffect, useRef, useState } from "../core/html.js";
import { column } from "../core/columns.js";

let made = 0;
const EDGE = 330;

/** Place of the words under a title, and what its events are; `box` is the element that they are placed in. */
export function useTip() {
  const box = useRef(null);
  const [tip, set] = useState(null);
  const show = (text) => (event) => {
    if (!text || !box.current) return;
    const own = event.currentTarget.getBoundingClientRect(), outer = box.current.getBoundingClientRect();
    set({ text, left: Math.max(0, Math.min(own.left - outer.left, outer.width - EDGE)), top: own.bottom - outer.top + 2 });
  };
  const hide = () => set(null);
  useLayoutEffect(() => { // before the words are painted: a key pressed as soon as they are seen closes them
    if (!tip) return undefined;
    const close = (event) => { if (event.key === "Escape") set(null); };
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, [tip]);
  return { box, on: (text) => ({ onMouseEnter: show(text), onMouseLeave: hide, onFocusIn: show(text), onFocusOut: hide }),
    drawn: tip && html`<div class="tip help" role="tooltip" style=${{ left: `${tip.left}px`, top: `${tip.top}px` }}>${tip.text}</div>` };
}

/** Head of a plain table whose columns are explained; `columns` are names, {name, title, class} or {blank}. */
export function Head({ columns }) {
  const { box, on, drawn } = useTip();
  const id = useRef(`head${++made}`);
  const items = columns.map((item) => (typeof item === "string" ? column(item) : item.name ? { ...column(item.name), ...item } : item));
  return html`<thead ref=${box}><tr>${items.map((item, at) => (item.draw || !item.help ? html`<th key=${at} class=${item.class ?? (item.numeric ? "n" : "")}>${item.draw ?? item.title ?? ""}</th>`
    : html`<th key=${at} class=${`explained ${item.class ?? (item.numeric ? "n" : "")}`} ...${on(item.hint ?? item.help)}><span class="asks" tabindex="0" role="note" aria-describedby=${`${id.current}-${at}`}>${item.title}</span><span hidden id=${`${id.current}-${at}`}>${item.hint ?? item.help}</span>${item.below ?? ""}${at === 0 && drawn}</th>`))}</tr></thead>`;
}
