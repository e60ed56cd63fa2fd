// The URL is the state: the path names the thing, the query its view.
import { signal } from "@preact/signals";

export const prefix = document.body.dataset.prefix.replace(/\/$/, "");

function read() {
  const path = location.pathname.startsWith(prefix) ? location.pathname.slice(prefix.length) : location.pathname;
  const parts = path.split("/").filter(Boolean).map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { parts, query: new URLSearchParams(location.search), key: path + location.search };
}

export const route = signal(read());
addEventListener("popstate", () => { route.value = read(); });

/** Address of a view, e.g. link("sig", id). */
export function link(...parts) {
  const query = typeof parts.at(-1) === "object" ? parts.pop() : {};
  const found = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== ""));
  const words = [...found].length ? `?${found}` : "";
  return `${prefix}/${parts.map((part) => encodeURIComponent(part)).join("/")}${words}`;
}

/** Go to another view: a step of the history. */
export function go(url) {
  history.pushState(null, "", url);
  route.value = read();
  scrollTo(0, 0);
}

/** Change the view of this thing (filter, sort, open row): no step of the history. */
export function amend(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined && item !== null && item !== "") query.append(name, item);
  }
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  route.value = read();
}

// links of our own stay inside the page; those with a modifier, a target or a file behind them go their way
addEventListener("click", (event) => {
  const item = event.target.closest?.("a[href]");
  if (!item || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (item.target || item.hasAttribute("download") || item.origin !== location.origin || [`${prefix}/api/`, `${prefix}/results/`].some((other) => item.pathname.startsWith(other))) return;
  if (item.hash && item.pathname === location.pathname) return;
  event.preventDefault();
  go(item.href);
});
