/**
 * The page's requests to its own server: /client (what a person's Slack does) and /sandbox (mischief, clusters), and
 * its two live streams.
 * Called by every module that talks to the server. A request that fails resolves to { ok: false, error }; it never
 * throws.
 */

const REQUEST_TIMEOUT_MS = 15_000;

async function request(path, { body, query } = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  const options =
    body === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  try {
    const answer = await fetch(url, { ...options, cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    const parsed = await answer.json().catch(() => ({}));
    if (answer.ok) return { ok: true, ...parsed };
    return { ok: false, error: parsed.error ?? `HTTP ${answer.status}`, status: answer.status, ...parsed };
  } catch (error) {
    return {
      ok: false,
      error: error.name === "TimeoutError" ? "the server did not answer" : "the server can't be reached",
    };
  }
}

const get = (path, query) => request(path, { query });
const post = (path, body) => request(path, { body });

export const client = {
  state: (user) => get("/client/state", { user }),
  history: (user, channel, limit = 100) => get("/client/history", { user, channel, limit }),
  replies: (user, channel, ts) => get("/client/replies", { user, channel, ts }),
  say: (body) => post("/client/say", body),
  command: (body) => post("/client/command", body),
  click: (body) => post("/client/click", body),
  submit: (body) => post("/client/submit", body),
  close: (body) => post("/client/close", body),
  home: (body) => post("/client/home", body),
};

export const sandbox = {
  bot: () => get("/sandbox/bot"),
  clusters: () => get("/sandbox/clusters"),
  images: () => get("/sandbox/images"),
  mischief: (kind, body) => post(`/sandbox/mischief/${kind}`, body),
  datadog: (order, body) => post(`/sandbox/datadog/${order}`, body),
  monitor: (id) => get(`/sandbox/datadog/monitors/${encodeURIComponent(id)}`),
};

const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 5_000;

/**
 * A WebSocket that comes back by itself. `onOpen` runs after every (re)connection, so that the caller reads afresh
 * what it
 * may have missed; `onFrame` gets each JSON object; `onState` gets true and false. Returns { stop() }.
 */
export function liveStream(path, { onOpen, onFrame, onState }) {
  let socket = null;
  let timer = 0;
  let wait = FIRST_RETRY_MS;
  let stopped = false;
  const connect = () => {
    const url = new URL(path, location.origin);
    url.protocol = url.protocol.replace("http", "ws");
    socket = new WebSocket(url);
    socket.addEventListener("open", () => {
      wait = FIRST_RETRY_MS;
      onState?.(true);
      onOpen?.();
    });
    socket.addEventListener("message", (event) => {
      for (const line of event.data.split("\n")) if (line.trim()) onFrame(JSON.parse(line));
    });
    socket.addEventListener("close", () => {
      if (stopped) return;
      onState?.(false);
      timer = setTimeout(connect, wait + Math.random() * 200);
      wait = Math.min(LAST_RETRY_MS, wait * 1.7);
    });
  };
  connect();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}
