// What every part of the page imports: templates, hooks, signals.
import { h, render } from "preact";
import htm from "htm";

export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { computed, effect, signal } from "@preact/signals";
export { render };
export const html = htm.bind(h);
