// Calls to the server of this page, and to no other.
import { prefix } from "./route.js";

export class ApiError extends Error {
  constructor(status, words, field) { super(words); this.status = status; this.field = field; }
}

const text = (detail) => (typeof detail === "string" ? detail : detail ? JSON.stringify(detail) : "");

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(`${prefix}/api/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "the server does not answer; is `beadwork serve` still running?");
  }
  if (!response.ok) {
    const data = await response.json().catch(() => ({}));
    throw new ApiError(response.status, text(data.words) || text(data.detail) || `the server answered ${response.status}`, data.field);
  }
  return response;
}

export function pathOf(parts, query = {}) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined && item !== null && item !== "" && item !== false) found.append(name, item);
    }
  }
  const words = found.toString();
  return parts.map((part) => encodeURIComponent(part)).join("/") + (words ? `?${words}` : "");
}

export const get = async (parts, query, options) => (await request(pathOf(parts, query), options)).json();
export const bytes = async (parts, query, options) => (await request(pathOf(parts, query), options)).arrayBuffer();
export const send = async (method, parts, body, options) => {
  const response = await request(pathOf(parts), { method, headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body), ...options });
  return response.status === 204 ? null : response.json().catch(() => null);
};
/** Whether an address has an answer: raises what a download of it would not say. */
export const probe = async (parts, query) => { await (await request(pathOf(parts, query))).body?.cancel(); };
export const address = (parts, query) => `${prefix}/api/${pathOf(parts, query)}`;

/** Send a file, with fields (and files) beside it. */
export async function upload(parts, file, fields = {}, options) {
  const body = new FormData();
  body.append("file", file);
  for (const [name, value] of Object.entries(fields)) if (value) body.append(name, value);
  return (await request(pathOf(parts), { method: "POST", body, ...options })).json();
}
