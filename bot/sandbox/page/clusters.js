/**
 * The right column: each cluster's nodes, workloads and pods, live, or Datadog in their place, with mischief below.
 * Fed by /sandbox/clusters/stream.
 * It shows what the clusters say and decides nothing.
 */
import { liveStream, sandbox } from "./api.js";
import { DatadogPane } from "./datadog.js";
import { h, icon, replace } from "./dom.js";
import { MischiefRow } from "./mischief.js";
import { TileGroup } from "./tiles.js";
import { VersionColours } from "./versions.js";

export class ClustersPane {
  /** `page`: { write(text), onBot(frame), close() }. */
  constructor(node, page) {
    this.page = page;
    this.node = node;
    this.colours = new VersionColours();
    this.groups = new Map();
    this.clusters = [];
    this.state = h("span", { class: "live", role: "status" });
    this.body = h("div", { class: "clusters-body", tabindex: "0", role: "region", "aria-label": "Pods" });
    this.datadog = new DatadogPane({ onTrouble: (count) => this.setTrouble(count) });
    this.trouble = h("span", { class: "trouble-count", hidden: true });
    this.sides = {
      clusters: this.side("clusters", "Clusters"),
      datadog: this.side("datadog", "Datadog", this.trouble),
    };
    this.mischief = new MischiefRow({ write: page.write, clusters: () => this.clusters });
    replace(
      node,
      h(
        "header",
        { class: "pane-head" },
        h(
          "div",
          { class: "column-switch", role: "tablist", "aria-label": "Beside the chat" },
          Object.values(this.sides),
        ),
        this.state,
        h("span", { class: "grow" }),
        h(
          "button",
          {
            type: "button",
            class: "icon-button only-laptop",
            "aria-label": "Hide the clusters",
            title: "Hide",
            onclick: () => page.close(),
          },
          icon("close"),
        ),
      ),
      this.body,
      this.datadog.node,
      this.mischief.node,
    );
    this.turnTo("clusters");
    this.setLive(false);
    this.stream = liveStream("/sandbox/clusters/stream", {
      onOpen: () => this.refresh(),
      onState: (live) => this.setLive(live),
      onFrame: (frame) => {
        if (frame.type === "bot") page.onBot(frame);
        if (frame.clusters) this.show(frame.clusters);
        if (frame.datadog) {
          this.datadog.show(frame.datadog);
          this.mischief.setDatadog(frame.datadog.faults ?? []);
        }
      },
    });
  }

  side(name, label, mark) {
    return h(
      "button",
      { type: "button", role: "tab", dataset: { side: name }, onclick: () => this.turnTo(name) },
      label,
      mark,
    );
  }

  /** Show the clusters or Datadog. */
  turnTo(name) {
    for (const [side, tab] of Object.entries(this.sides)) tab.setAttribute("aria-selected", String(side === name));
    this.body.hidden = name !== "clusters";
    this.datadog.node.hidden = name !== "datadog";
  }

  /** How many monitors are not OK. */
  setTrouble(count) {
    this.trouble.hidden = count === 0;
    replace(this.trouble, String(count), h("span", { class: "unseen" }, count === 1 ? " monitor" : " monitors"));
  }

  async refresh() {
    const [clusters, bot] = await Promise.all([sandbox.clusters(), sandbox.bot()]);
    if (clusters.ok) this.show(clusters.clusters ?? []);
    if (bot.ok) this.page.onBot({ state: bot.state, restarts: bot.restarts });
  }

  setLive(live) {
    replace(this.state, h("span", { class: `dot ${live ? "good" : "busy"}` }), live ? "live" : "reconnecting…");
  }

  setBot(presence) {
    this.mischief.setBot(presence);
  }

  show(clusters) {
    this.clusters = clusters;
    this.colours.learn(clusters);
    const kept = new Set();
    const cards = clusters.map((cluster) => this.card(cluster, kept));
    for (const key of [...this.groups.keys()]) if (!kept.has(key)) this.groups.delete(key);
    // Cards are kept as nodes, so that a focused tile and its tooltip outlive an update.
    if (cards.some((card, index) => this.body.children[index] !== card) || this.body.children.length !== cards.length)
      replace(this.body, cards);
    if (!clusters.length) replace(this.body, h("p", { class: "clusters-empty" }, "No cluster has answered yet."));
    this.mischief.refresh();
  }

  card(cluster, kept) {
    const key = `cluster/${cluster.name}`;
    kept.add(key);
    if (!this.groups.has(key)) this.groups.set(key, newCard(cluster.name));
    const card = this.groups.get(key);
    replace(card.nodes, (cluster.nodes ?? []).map(nodeChip));
    const rows = (cluster.workloads ?? []).map((workload) => this.workload(cluster, workload, kept));
    if (
      rows.some((row, index) => card.workloads.children[index] !== row) ||
      card.workloads.children.length !== rows.length
    )
      replace(card.workloads, rows);
    return card.node;
  }

  workload(cluster, workload, kept) {
    const key = `${cluster.name}/${workload.namespace}/${workload.kind}/${workload.name}`;
    kept.add(key);
    if (!this.groups.has(key)) this.groups.set(key, new TileGroup(cluster.name, workload, this.colours));
    const group = this.groups.get(key);
    const pods = (cluster.pods ?? []).filter(
      (pod) => pod.namespace === workload.namespace && pod.workload === workload.name,
    );
    group.show(workload, pods);
    return group.node;
  }
}

function newCard(name) {
  const nodes = h("div", { class: "nodes" });
  const workloads = h("div", { class: "workloads" });
  return {
    nodes,
    workloads,
    node: h(
      "section",
      { class: "cluster", "aria-label": `Cluster ${name}` },
      h("header", { class: "cluster-head" }, h("h3", {}, name), nodes),
      workloads,
    ),
  };
}

function nodeChip(node) {
  const [tone, words] = node.paused ? ["paused", "paused"] : node.ready ? ["good", "ready"] : ["bad", "not ready"];
  return h(
    "span",
    { class: `node-chip ${tone}`, title: `Node ${node.name}: ${words}` },
    node.paused && icon("pause", 11),
    node.name,
    tone !== "good" && h("span", { class: "node-state" }, ` ${words}`),
  );
}
