// Loading, failure, emptiness: always in words.
import { html, useEffect, useState } from "../core/html.js";
import { link } from "../core/route.js";

/** What stands while something is on its way: nothing for 300 ms, then a skeleton. */
export function Loading({ what = "Reading", lines = 4 }) {
  const [late, set] = useState(false);
  useEffect(() => { const timer = setTimeout(() => set(true), 300); return () => clearTimeout(timer); }, []);
  if (!late) return html`<div class="waiting"></div>`;
  return html`<div class="waiting" role="status"><p class="soft">${what} ...</p>
    ${Array.from({ length: lines }, (_, at) => html`<div class="bone" key=${at}></div>`)}</div>`;
}

export function Failed({ error, children }) {
  const gone = error.status === 404;
  return html`<div class="box bad" role="alert"><strong>${gone ? "Not found." : "This did not work."}</strong> <${Words} text=${error.message} />${/[.?!]$/.test(error.message) ? "" : "."}
    ${children}</div>`;
}

/** Words with `commands` in them. */
export const Words = ({ text }) => text.split("`").map((part, at) => (at % 2 ? html`<code key=${at}>${part}</code>` : part));

export function Empty({ children, command }) {
  return html`<div class="box empty"><p>${children}</p>${command && html`<p>Next: <code>${command}</code></p>`}</div>`;
}

/** A call's data, or what stands in its place. */
export function Shown({ call, what, children }) {
  if (call.error) return html`<${Failed} error=${call.error} />`;
  if (call.loading) return html`<${Loading} what=${what} />`;
  return children(call.data);
}

export const AskAgain = () => html`<a href=${link()}>Ask again</a>`;
