/**
 * A monitor's page: where links in alerts lead. State, query, a graph for each group with its thresholds, and what was
 * told. Reads /sandbox/datadog/monitors/ID every two seconds.
 */
import { sandbox } from "./api.js";
import { reading } from "./datadog.js";
import { h, replace, svg } from "./dom.js";

const EVERY_MS = 2000;
const WIDTH = 640;
const HEIGHT = 150;
const SHOWN_S = 300;
const TONES = { OK: "good", Warn: "warn", Alert: "bad", "No Data": "none" };
const id = location.pathname.split("/").at(-1);
const wanted = decodeURIComponent(location.hash.slice(1));

async function refresh() {
  const monitor = await sandbox.monitor(id);
  if (monitor.ok) draw(monitor);
  else replace(root(), h("p", { class: "dd-empty" }, `The monitor can't be read: ${monitor.error}.`));
  setTimeout(refresh, EVERY_MS);
}

const root = () => document.getElementById("monitor");

function draw(monitor) {
  document.title = `${monitor.state}: ${monitor.name}`;
  const groups = [...monitor.groups].sort((one, other) => Number(other.name === wanted) - Number(one.name === wanted));
  replace(
    root(),
    h(
      "header",
      { class: "monitor-head" },
      h("span", { class: `dd-pill ${TONES[monitor.state]}` }, monitor.state),
      h("h1", {}, monitor.name),
      h("span", { class: "dd-priority" }, `P${monitor.priority}`),
    ),
    h("p", { class: "monitor-query" }, h("code", {}, monitor.query)),
    h("p", { class: "dd-tags" }, monitor.tags.map((tag) => h("code", {}, tag))),
    groups.map((group) => card(monitor, group)),
    monitor.more_groups > 0 && h("p", { class: "dd-more" }, `and ${monitor.more_groups} groups more`),
    h("section", { class: "dd-card dd-part" }, h("h3", {}, "Message"), h("pre", { class: "monitor-message" }, monitor.message)),
    history(monitor),
  );
}

function card(monitor, group) {
  const points = (monitor.points[group.name] ?? []).filter(([at]) => at > monitor.now - SHOWN_S);
  const value = reading(group.value, monitor.unit);
  return h(
    "section",
    { class: `dd-card monitor-group${group.name === wanted ? " wanted" : ""}`, "aria-label": group.name },
    h(
      "header",
      {},
      h("span", { class: `dd-dot ${TONES[group.state]}`, "aria-hidden": "true" }),
      h("h2", {}, group.name === "*" ? "All together" : group.name),
      h("span", { class: "dd-value" }, value ? `${value} · ${group.state}` : group.state),
      group.muted && h("span", { class: "dd-pill warn" }, "muted"),
    ),
    points.length > 1 ? graph(monitor, points) : h("p", { class: "dd-empty" }, "Nothing was measured yet."),
  );
}

function graph(monitor, points) {
  const highest =
    Math.max(monitor.critical * 1.35, monitor.warning ?? 0, ...points.map(([, value]) => value * 1.12)) || 1;
  const x = (at) => ((at - (monitor.now - SHOWN_S)) / SHOWN_S) * WIDTH;
  const y = (value) => HEIGHT - (value / highest) * HEIGHT;
  const line = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const limit = (value, kind) =>
    value === null || value === undefined
      ? []
      : [
          svg("line", { x1: 0, x2: WIDTH, y1: y(value), y2: y(value), class: `graph-limit ${kind}` }),
          svg("text", { x: 4, y: y(value) - 4, class: `graph-word ${kind}` }, reading(value, monitor.unit)),
        ];
  const ground = monitor.above
    ? { y: 0, height: Math.max(0, y(monitor.critical)) }
    : { y: y(monitor.critical), height: HEIGHT - y(monitor.critical) };
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT + 18}`, class: "graph", role: "img", "aria-label": "The last five minutes" },
    svg("rect", { x: 0, width: WIDTH, ...ground, class: "graph-bad" }),
    ...limit(monitor.warning, "warn"),
    ...limit(monitor.critical, "bad"),
    svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT, class: "graph-ground" }),
    svg("polyline", { points: line, class: "graph-line" }),
    svg("text", { x: 0, y: HEIGHT + 14, class: "graph-word" }, "5 minutes ago"),
    svg("text", { x: WIDTH, y: HEIGHT + 14, class: "graph-word last" }, "now"),
  );
}

function history(monitor) {
  const rows = monitor.history.map((one) =>
    h(
      "li",
      { class: "dd-row" },
      h("span", { class: `dd-pill ${TONES[one.state]}` }, one.transition),
      h("span", { class: "dd-words" }, one.group === "*" ? "all" : one.group),
      h("span", { class: "dd-when" }, new Date(one.at * 1000).toLocaleTimeString()),
    ),
  );
  return h(
    "section",
    { class: "dd-card dd-part" },
    h("h3", {}, "Told"),
    rows.length ? h("ul", {}, rows) : h("p", { class: "dd-empty" }, "Nothing was told yet."),
  );
}

void refresh();
