/**
 * The right column's other side: Datadog's monitors with what they measure, downtimes, pages and events; monitors can
 * be fired and resolved by hand. Fed by the clusters' stream.
 */
import { sandbox } from "./api.js";
import { h, icon, replace, toast } from "./dom.js";
import { openMenu } from "./menu.js";

const TONES = { OK: "good", Warn: "warn", Alert: "bad", "No Data": "none" };
const WORST_FIRST = ["Alert", "Warn", "No Data", "OK"];

export class DatadogPane {
  /** `page`: { onTrouble(count) } is told how many monitors are not OK. */
  constructor(page) {
    this.page = page;
    this.menuButtons = new Map();
    this.monitors = h("div", { class: "dd-card dd-monitors" });
    this.rest = h("div", { class: "dd-rest" });
    this.node = h(
      "div",
      { class: "clusters-body", tabindex: "0", role: "region", "aria-label": "Datadog" },
      this.monitors,
      this.rest,
    );
    this.timer = setInterval(() => this.view && this.showRest(), 20_000);
  }

  /** `view`: the sandbox's /sandbox/datadog. */
  show(view) {
    this.view = view;
    const monitors = view.monitors ?? [];
    this.page.onTrouble(monitors.filter((one) => one.state !== "OK").length);
    // A storm's hundreds of monitors would bury those of the scene: the worst are enough.
    const shown = [...monitors.slice(0, 8), ...monitors.slice(8).sort(byState).slice(0, 6)];
    const held = this.node.contains(document.activeElement) ? document.activeElement.dataset.focusKey : null;
    replace(this.monitors, byEnvironment(shown).map(([env, ones]) => this.environment(env, ones)));
    if (monitors.length > shown.length)
      this.monitors.append(h("p", { class: "dd-more" }, `and ${monitors.length - shown.length} monitors more`));
    this.showRest();
    if (held) [...this.node.querySelectorAll("[data-focus-key]")].find((one) => one.dataset.focusKey === held)?.focus();
  }

  environment(env, monitors) {
    return h(
      "section",
      { class: "dd-env", "aria-label": `Monitors of ${env}` },
      h("h3", {}, env),
      monitors.map((monitor) => this.monitor(monitor)),
    );
  }

  monitor(monitor) {
    const bad = monitor.groups.filter((group) => group.state !== "OK");
    const calm = bad.length ? null : monitor.groups.map((group) => reading(group.value, monitor.unit)).find(Boolean);
    return h(
      "div",
      { class: "dd-monitor", dataset: { monitor: monitor.key } },
      h(
        "div",
        { class: "dd-line" },
        h("span", { class: `dd-dot ${TONES[monitor.state]}`, "aria-hidden": "true" }),
        h(
          "a",
          {
            class: "dd-name",
            href: pageOf(monitor),
            target: "_blank",
            rel: "noopener",
            title: `${monitor.name}: open the monitor`,
            dataset: { focusKey: `open/${monitor.id}` },
          },
          monitor.name,
        ),
        h("span", { class: "dd-priority" }, `P${monitor.priority}`),
        h("span", { class: "grow" }),
        bad.length ? null : h("span", { class: "dd-value" }, calm ?? "–"),
        h("span", { class: "unseen" }, ` ${monitor.state}`),
        this.menuButton(monitor),
      ),
      bad.length > 0 && h("ul", { class: "dd-groups" }, bad.map((group) => this.group(monitor, group))),
      monitor.more_groups > 0 && h("p", { class: "dd-more" }, `and ${monitor.more_groups} groups more`),
    );
  }

  group(monitor, group) {
    const tone = TONES[group.state];
    return h(
      "li",
      { class: `dd-group ${tone}`, title: group.by_hand ? "Fired by hand; it holds until it is resolved" : null },
      h("span", { class: "dd-state" }, group.state),
      h("span", { class: "dd-group-name" }, group.name === "*" ? "all" : group.name),
      h("span", { class: "dd-value" }, reading(group.value, monitor.unit) ?? ""),
      group.muted && h("span", { class: "dd-mark" }, icon("pause", 11), "muted"),
      h("span", { class: "grow" }),
      h(
        "button",
        {
          type: "button",
          class: "link-button",
          "aria-label": `Resolve ${monitor.name}, ${group.name}`,
          dataset: { focusKey: `resolve/${monitor.id}/${group.name}` },
          onclick: () => this.act("resolve", { monitor: monitor.id, group: group.name }),
        },
        "Resolve",
      ),
    );
  }

  /** Kept between updates, so that an open menu keeps its anchor. */
  menuButton(monitor) {
    let button = this.menuButtons.get(monitor.id);
    if (!button) {
      button = h(
        "button",
        {
          type: "button",
          class: "icon-button dd-fire",
          "aria-label": `Fire ${monitor.name}`,
          title: "Fire",
          "aria-haspopup": "menu",
          "aria-expanded": "false",
          dataset: { focusKey: `fire/${monitor.id}` },
        },
        icon("bolt", 16),
      );
      button.addEventListener("click", () => {
        const now = (this.view.monitors ?? []).find((one) => one.id === monitor.id);
        if (now) openMenu(button, this.choices(now), { label: `Fire ${now.name}` });
      });
      this.menuButtons.set(monitor.id, button);
    }
    return button;
  }

  choices(monitor) {
    const known = monitor.groups.map((group) => group.name);
    const groups = monitor.multi ? (known.length ? known : ["service:admin", "service:web"]) : ["*"];
    return groups.flatMap((group) =>
      ["Alert", "Warn", "No Data"].map((state) => ({
        label: `${state}${group === "*" ? "" : ` for ${group}`}`,
        leading: h("span", { class: `dd-dot ${TONES[state]}`, "aria-hidden": "true" }),
        choose: () => this.act("fire", { monitor: monitor.id, group, state }),
      })),
    );
  }

  async act(order, body) {
    const answer = await sandbox.datadog(order, body);
    if (!answer.ok) toast(`That did not work: ${answer.error}.`, "bad");
  }

  // What people and the bot did there

  showRest() {
    const { downtimes = [], pages = [], events = [] } = this.view;
    replace(
      this.rest,
      part("Downtimes", downtimes.map(downtime), "Nothing is muted."),
      part(
        "On-Call pages",
        pages.map((page) => this.pageRow(page)),
        "Nobody was paged.",
        this.view.on_call?.length ? `${this.view.on_call[0]} is on call` : "nobody is on call",
      ),
      part("Events", events.map(event), "Nothing was told yet."),
    );
  }

  pageRow(page) {
    const tone = { triggered: "bad", acknowledged: "warn", resolved: "good" }[page.state];
    const acts = { triggered: ["acknowledge", "resolve"], acknowledged: ["resolve"] }[page.state] ?? [];
    return h(
      "li",
      { class: "dd-row" },
      h("span", { class: `dd-pill ${tone}` }, page.state),
      h("span", { class: "dd-words" }, page.title, page.level > 0 && ` (escalated ${page.level}×)`),
      acts.map((act) =>
        h(
          "button",
          {
            type: "button",
            class: "link-button",
            dataset: { focusKey: `${act}/${page.id}` },
            onclick: () => this.act("page", { id: page.id, act }),
          },
          act === "acknowledge" ? "Ack" : "Resolve",
        ),
      ),
    );
  }
}

/** A section with a list, or words for an empty one. */
function part(title, rows, empty, note = null) {
  return h(
    "section",
    { class: "dd-card dd-part", "aria-label": title },
    h("h3", {}, title, note && h("span", { class: "dd-note" }, note)),
    rows.length ? h("ul", {}, rows) : h("p", { class: "dd-empty" }, empty),
  );
}

function downtime(one) {
  return h(
    "li",
    { class: "dd-row" },
    h("span", { class: "dd-pill warn" }, one.status === "active" ? "muted" : one.status),
    h("span", { class: "dd-words" }, one.monitor, " ", h("code", {}, one.scope)),
    h("span", { class: "dd-when" }, one.end ? `until ${clock(one.end)}` : "for ever"),
  );
}

function event(one) {
  const tone = { error: "bad", warning: "warn", success: "good" }[one.kind] ?? "none";
  return h(
    "li",
    { class: "dd-row dd-event" },
    h("span", { class: `dd-dot ${tone}`, "aria-hidden": "true" }),
    h(
      "span",
      { class: "dd-words", title: one.text },
      one.title,
      h("span", { class: "dd-tags" }, one.tags.map((tag) => h("code", {}, tag))),
    ),
    h("span", { class: "dd-when" }, clock(one.at)),
  );
}

function byEnvironment(monitors) {
  const found = new Map();
  for (const monitor of monitors) found.set(monitor.env, [...(found.get(monitor.env) ?? []), monitor]);
  return [...found];
}

function byState(one, other) {
  return WORST_FIRST.indexOf(one.state) - WORST_FIRST.indexOf(other.state);
}

/** A value with its unit; seconds below one as milliseconds. */
export function reading(value, unit) {
  if (value === null || value === undefined) return null;
  if (unit === "s" && value < 1) return `${Math.round(value * 1000)} ms`;
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
  return unit === "" || unit === "%" || unit === "/s" ? `${rounded}${unit}` : `${rounded} ${unit}`;
}

const pageOf = (monitor) => `/datadog/app/monitors/${monitor.id}`;

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
}
