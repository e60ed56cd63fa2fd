// Words for people who do not see the page change.
import { signal } from "@preact/signals";

export const words = signal("");
export const announce = (text) => { words.value = ""; setTimeout(() => { words.value = text; }, 50); };
