/**
 * One workload's row: its name, counts, version legend and a tile per pod. Kept between updates, so that tiles move
 * instead of blinking.
 */
import { h, replace } from "./dom.js";
import { byVersion } from "./versions.js";

const FAILING = /crash|oom|errimage|imagepull|error|invalid|failed|runcontainer|createcontainer|evicted/i;
const KINDS = { Deployment: "deploy", StatefulSet: "sts", DaemonSet: "ds", CronJob: "cron" };

/** What a person needs to know of a pod: "ready", "starting", "failing" or "terminating". */
export function stateOf(pod) {
  if (pod.deleting) return "terminating";
  if (FAILING.test(pod.reason ?? "") || pod.phase === "Failed") return "failing";
  return pod.ready ? "ready" : "starting";
}

export class TileGroup {
  constructor(cluster, workload, colours) {
    this.cluster = cluster;
    this.colours = colours;
    this.tiles = new Map();
    this.counts = h("span", { class: "counts" });
    this.bar = h("span", { class: "ready-bar", "aria-hidden": "true" }, h("span"));
    this.legend = h("span", { class: "legend" });
    this.paused = h("span", { class: "paused-mark", hidden: true }, "paused");
    this.grid = h("div", { class: "tiles", role: "group", "aria-label": `Pods of ${workload.name} in ${cluster}` });
    this.troubles = h("ul", { class: "troubles" });
    this.node = h(
      "div",
      { class: "workload" },
      h(
        "div",
        { class: "workload-head" },
        h("span", { class: "workload-name" }, workload.name),
        h(
          "span",
          { class: "workload-kind", title: `${workload.kind} in namespace ${workload.namespace}` },
          KINDS[workload.kind] ?? workload.kind,
        ),
        this.paused,
        h("span", { class: "grow" }),
        this.counts,
      ),
      this.bar,
      h("div", { class: "pods-row" }, this.grid, this.legend),
      this.troubles,
    );
    this.grid.addEventListener("keydown", (event) => this.onKey(event));
  }

  show(workload, pods) {
    const { ready = 0, desired = 0, updated } = workload;
    if (desired === 0) replace(this.counts, workload.kind === "CronJob" ? "not its time" : "scaled to 0");
    else replace(this.counts, h("strong", {}, String(ready)), ` of ${desired} ready`);
    this.counts.title = updated === undefined ? "" : `${updated} of ${desired} on the newest template`;
    this.node.classList.toggle("short", ready < desired);
    this.node.classList.toggle("at-rest", desired === 0 && pods.length === 0);
    this.bar.firstChild.style.setProperty("--share", String(desired ? Math.min(1, ready / desired) : 0));
    this.paused.hidden = !workload.paused;
    const sorted = [...pods].sort(
      (one, other) => String(one.created).localeCompare(String(other.created)) || one.name.localeCompare(other.name),
    );
    this.showTiles(sorted);
    this.showLegend(workload, sorted);
    this.showTroubles(sorted);
  }

  showTiles(pods) {
    const names = new Set(pods.map((pod) => pod.name));
    for (const [name, tile] of this.tiles)
      if (!names.has(name)) {
        hideTooltip(tile);
        tile.remove();
        this.tiles.delete(name);
      }
    for (const pod of pods) {
      const tile = this.tiles.get(pod.name) ?? this.newTile(pod);
      this.paint(tile, pod);
    }
    const tiles = [...this.grid.children];
    if (tiles.length && !tiles.some((tile) => tile.tabIndex === 0)) tiles[0].tabIndex = 0;
  }

  newTile(pod) {
    const tile = h(
      "button",
      { type: "button", class: "tile", tabindex: "-1" },
      h("span", { class: "tile-mark", "aria-hidden": "true" }),
    );
    for (const event of ["pointerenter", "focus", "click"]) tile.addEventListener(event, () => showTooltip(tile));
    for (const event of ["pointerleave", "blur"]) tile.addEventListener(event, () => hideTooltip(tile));
    this.tiles.set(pod.name, tile);
    this.grid.append(tile);
    return tile;
  }

  paint(tile, pod) {
    const state = stateOf(pod);
    const words = { ready: "ready", starting: "starting", failing: "failing", terminating: "terminating" }[state];
    tile.className = `tile v${this.colours.of(pod.workload, pod.version)} ${state}`;
    tile.firstChild.textContent = { failing: "!", terminating: "–" }[state] ?? "";
    tile.setAttribute(
      "aria-label",
      `${pod.name}, ${pod.version}, ${words}${pod.reason && !pod.ready ? `: ${pod.reason}` : ""}`,
    );
    tile.dataset.state = state;
    tile.dataset.pod = pod.name;
    tile.facts = [
      pod.name,
      [
        ["version", pod.version],
        ["state", pod.reason && !pod.ready ? `${words}: ${pod.reason}` : words],
        ["node", pod.node ?? "not placed yet"],
        ["restarts", String(pod.restarts ?? 0)],
        ["since", since(pod.created)],
      ],
    ];
    if (tooltipOwner === tile) showTooltip(tile);
  }

  showLegend(workload, pods) {
    const counts = new Map();
    for (const pod of pods) if (!pod.deleting) counts.set(pod.version, (counts.get(pod.version) ?? 0) + 1);
    if (!counts.size && workload.version) counts.set(workload.version, 0);
    replace(
      this.legend,
      [...counts]
        .sort(([one], [other]) => byVersion(String(one), String(other)))
        .map(([version, count]) =>
          h(
            "span",
            { class: "legend-entry" },
            h("span", { class: `swatch-dot v${this.colours.of(workload.name, version)}`, "aria-hidden": "true" }),
            h("span", { class: "legend-version" }, version),
            count > 0 && h("span", { class: "legend-count" }, `×${count}`),
          ),
        ),
    );
  }

  /** One line per reason: colour never says it alone. */
  showTroubles(pods) {
    const reasons = new Map();
    for (const pod of pods.filter((one) => stateOf(one) === "failing"))
      reasons.set(pod.reason || pod.phase, (reasons.get(pod.reason || pod.phase) ?? 0) + 1);
    replace(
      this.troubles,
      [...reasons].map(([reason, count]) => h("li", {}, `${count === 1 ? "1 pod" : `${count} pods`}: ${reason}`)),
    );
  }

  onKey(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") hideTooltip(document.activeElement);
    if (!step) return;
    event.preventDefault();
    const tiles = [...this.grid.children];
    const next = tiles[(tiles.indexOf(document.activeElement) + step + tiles.length) % tiles.length];
    for (const tile of tiles) tile.tabIndex = tile === next ? 0 : -1;
    next.focus();
  }
}

function since(created) {
  const when = new Date(created);
  if (Number.isNaN(when.getTime())) return "unknown";
  return when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

let tooltipOwner = null;

function showTooltip(tile) {
  const node = document.getElementById("tooltip");
  const [title, facts] = tile.facts;
  tooltipOwner = tile;
  replace(
    node,
    h("div", { class: "tooltip-title" }, title),
    h(
      "dl",
      {},
      facts.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]),
    ),
  );
  node.hidden = false;
  tile.setAttribute("aria-describedby", "tooltip");
  const box = tile.getBoundingClientRect();
  const size = node.getBoundingClientRect();
  const top = box.top - size.height - 8 < 8 ? box.bottom + 8 : box.top - size.height - 8;
  node.style.setProperty(
    "--x",
    `${Math.max(8, Math.min(box.left + box.width / 2 - size.width / 2, innerWidth - size.width - 8))}px`,
  );
  node.style.setProperty("--y", `${top}px`);
}

function hideTooltip(tile) {
  if (tooltipOwner !== tile) return;
  tooltipOwner = null;
  document.getElementById("tooltip").hidden = true;
  tile.removeAttribute("aria-describedby");
}
