// Hooks for what comes from the server, and for how the page is shown.
import { options } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** {data, error, loading} of a call; what was shown before is removed as soon as another thing is asked for. */
export function useCall(make, keys) {
  const [state, set] = useState({ loading: true });
  const round = useRef(0);
  useLayoutEffect(() => { // not after the paint: the old would be seen under the new address
    const mine = ++round.current;
    const stop = new AbortController();
    set({ loading: true });
    Promise.resolve().then(() => make(stop.signal)).then(
      (data) => mine === round.current && set({ data }),
      (error) => mine === round.current && error.name !== "AbortError" && set({ error }),
    );
    return () => { round.current++; stop.abort(); };
  }, keys);
  return state;
}

/** Width of an element, as the window changes. */
export function useWidth(node, start = 600) {
  const [width, set] = useState(start);
  useEffect(() => {
    if (!node.current) return undefined;
    const watch = new ResizeObserver(([entry]) => set(Math.floor(entry.contentRect.width)));
    watch.observe(node.current);
    return () => watch.disconnect();
  }, []);
  return width;
}

/** Whether the page is about to be printed: what is folded or scrolled is opened then, before the browser takes its picture. */
export function usePrinting() {
  const [printing, set] = useState(false);
  useEffect(() => {
    const media = matchMedia("print");
    const now = (value) => { const later = options.debounceRendering; options.debounceRendering = (draw) => draw(); set(value); options.debounceRendering = later; };
    const change = () => set(media.matches), before = () => now(true), after = () => set(false);
    media.addEventListener("change", change); addEventListener("beforeprint", before); addEventListener("afterprint", after);
    return () => { media.removeEventListener("change", change); removeEventListener("beforeprint", before); removeEventListener("afterprint", after); };
  }, []);
  return printing;
}

/** Whether a media query holds. */
export function useMedia(query) {
  const [found, set] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const change = () => set(media.matches);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, [query]);
  return found;
}
export const usePhone = () => useMedia("(max-width: 600px)");
export const useDark = () => useMedia("screen and (prefers-color-scheme: dark)");
