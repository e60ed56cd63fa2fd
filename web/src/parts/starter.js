// What the small library that ships can answer: one line, the rest on demand.
import { html } from "../core/html.js";
import { index } from "../core/index.js";
import { Words } from "./states.js";

export function Starter() {
  const words = index.value?.starter_words;
  if (!words) return null;
  return html`<details class="starter soft"><summary>Starter library: for a first look, not to rank drugs in general. <span class="more">More</span></summary><p><${Words} text=${words[1]} /></p></details>`;
}
