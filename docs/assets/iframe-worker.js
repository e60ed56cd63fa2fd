// Search in pages that are opened from a folder: browsers start no worker from a file, so a hidden frame stands in.
"use strict";
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inner = frame.contentWindow;
      this.ready = new Promise((resolve) => {
        inner.document.open();
        inner.document.write("<!doctype html><html><body></body></html>");
        inner.document.close();
        inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        const load = (source) =>
          new Promise((loaded, failed) => {
            const script = inner.document.createElement("script");
            script.src = source;
            script.onload = loaded;
            script.onerror = failed;
            inner.document.body.append(script);
          });
        inner.importScripts = (...sources) =>
          sources.reduce((before, source) => before.then(() => load(source)), Promise.resolve());
        load(new URL(url, location.href).href).then(() => resolve(inner));
      });
    }

    postMessage(data) {
      this.ready.then((inner) => inner.dispatchEvent(new inner.MessageEvent("message", { data })));
    }
  };
}
