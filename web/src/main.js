// The page: a header, a view by the address, words for screen readers.
import { html, render, useEffect, useRef, useState } from "./core/html.js";
import { link, route } from "./core/route.js";
import { index, readIndex } from "./core/index.js";
import { announce, words } from "./core/live.js";
import { keys, Help } from "./parts/keys.js";
import { Header } from "./parts/header.js";
import { Failed } from "./parts/states.js";
import { Ask } from "./ask/ask.js";
import { Answer } from "./answer/answer.js";
import { CardView } from "./cards/card.js";
import { LookUp } from "./views/lookup.js";
import { MapView } from "./views/map.js";
import { Repurposing } from "./views/repurposing.js";
import { Library } from "./views/library.js";
import { Compare } from "./views/compare.js";
import { History } from "./views/history.js";
import { About } from "./views/about.js";
import { Plate } from "./views/plate.js";

const VIEWS = {
  "": [Ask, "Ask"], q: [Answer, "Answer"], lookup: [LookUp, "Look up"], map: [MapView, "Map"], repurposing: [Repurposing, "Repurposing"],
  library: [Library, "Disease library"], compare: [Compare, "Compare"], history: [History, "History"], about: [About, "About"], plate: [Plate, "Plate"],
  pert: [CardView, "Perturbagen"], gene: [CardView, "Gene"], cell: [CardView, "Cell"], class: [CardView, "Mechanism"], sig: [CardView, "Signature"],
};

function App() {
  const { parts } = route.value;
  const [kind = "", ...rest] = parts;
  const [View, title] = VIEWS[kind] ?? [Missing, "Not found"];
  const [failure, setFailure] = useState(null);
  useEffect(() => { readIndex().catch(setFailure); }, []);
  useEffect(() => { document.title = `${rest[0] && kind !== "q" ? `${rest[0]} · ` : ""}${title} · beadwork`; }, [kind, rest[0]]);
  useEffect(keys, []);
  // another view: the focus goes to its content, so that a keyboard or a screen reader goes on there; tabs of an answer keep it
  const thing = kind === "q" ? `q/${rest[0]}` : parts.join("/"), before = useRef(thing);
  useEffect(() => {
    if (before.current === thing) return;
    before.current = thing;
    document.getElementById("main").focus({ preventScroll: true });
    announce(document.title.replace(/ · beadwork$/, ""));
  }, [thing]);
  return html`<a class="skip" href="#main">Skip to the content</a>
    <${Header} kind=${kind} />
    <main id="main" tabindex="-1">
      ${failure ? html`<${Failed} error=${failure} />` : html`<${View} key=${kind === "q" ? `q${rest[0]}` : parts.join("/")} kind=${kind} rest=${rest} />`}
    </main>
    <footer class="soft"><p>${index.value ? `${index.value.path}, state ${index.value.state ?? index.value.generation}. ` : ""}Nothing leaves this computer. The same as <a href=${link("openapi.json")} target="_blank">JSON</a>.</p></footer>
    <div class="hidden" role="status" aria-live="polite">${words.value}</div><${Help} />`;
}

const PLACES = [["", "Ask a question"], ["lookup", "Look up"], ["map", "Map"], ["plate", "Own plates"], ["repurposing", "Repurposing"], ["library", "Disease library"], ["history", "History"], ["about", "About"]];

/** An address that no view has: those that are near, else all of them. */
function Missing({ kind, rest }) {
  const near = PLACES.filter(([place, name]) => place && [place, name.toLowerCase()].some((word) => word.slice(0, 3) === kind.toLowerCase().slice(0, 3)));
  const words = rest.length ? rest.join(" ") : kind;
  return html`<h1>Not found</h1><p>There is no page ${`/${[kind, ...rest].join("/")}`} here.${near.length ? " Did you mean" : " There are"}</p>
    <ul class="hits">${(near.length ? near : PLACES).map(([place, name]) => html`<li key=${place}><a href=${link(...(place ? [place] : []))}>${name}</a></li>`)}</ul>
    <p>Or <a href=${link("lookup", { find: words })}>search for “${words}”</a>.</p>`;
}

render(html`<${App} />`, document.getElementById("app"));
