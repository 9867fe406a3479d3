/**
 * The row of mischief: things that go wrong in real life, one button each, and what each of them did in words. Part
 * of the clusters pane.
 */
import { sandbox } from "./api.js";
import { h, icon, replace } from "./dom.js";
import { openMenu } from "./menu.js";
import { byVersion } from "./versions.js";

const RATE_LIMIT_SECONDS = 30;
/** What the sandbox's images do by a word in their tag. */
const BROKEN = [{ word: "broken", told: "can't start", note: "" }];
const POOR = [
  { word: "laggy", told: "answers five times as slowly: watch Datadog", note: ": answers slowly" },
  { word: "flaky", told: "fails one request in twenty: watch Datadog", note: ": some requests fail" },
];

/** What can be wrong with Datadog, by the sandbox's word for it. */
const DATADOG = [
  { do: "ratelimit", label: "Answers 429", note: "and says to come back in an hour", told: "answers 429" },
  { do: "hang", label: "Does not answer", note: "each request waits two minutes", told: "does not answer" },
  { do: "error", label: "Answers 503", note: "as in an outage", told: "answers 503" },
  { do: "wrong_key", label: "Refuses the keys", note: "403, as with a wrong key", told: "refuses the keys" },
];
const STORM = { count: 500, seconds: 60 };

export class MischiefRow {
  /** `page`: { write(text), clusters() → the newest clusters }. */
  constructor(page) {
    this.page = page;
    this.result = h("div", { class: "mischief-result", role: "status" });
    this.kill = this.button("kill-bot", "power", "Kill the bot", () => this.killBot());
    this.limit = this.button("slack-429", "slow", "Slack answers 429", () => this.rateLimit());
    this.pause = this.menuButton("pause-node", "pause", "Pause a node", () => this.nodes());
    this.crash = this.menuButton("crash-pod", "bolt", "Crash a pod", () => this.workloads());
    this.publish = this.menuButton("publish-image", "broken", "Publish a broken image", () => this.repositories(BROKEN));
    this.poor = this.menuButton("publish-poor", "slow", "Publish a poor image", () => this.repositories(POOR));
    this.datadog = this.menuButton("datadog", "cloud", "Datadog fails", () => this.datadogWays());
    this.datadogFaults = [];
    this.node = h(
      "section",
      { class: "mischief", "aria-label": "Mischief" },
      h("h3", {}, "Mischief"),
      h("div", { class: "mischief-row" }, this.kill, this.crash, this.pause, this.publish, this.poor, this.limit, this.datadog),
      this.result,
    );
  }

  button(kind, mark, label, run) {
    return h(
      "button",
      { type: "button", class: "mischief-button", dataset: { mischief: kind }, onclick: run },
      icon(mark, 16),
      h("span", {}, label),
    );
  }

  /** `entries` may be asked from the server, so the menu opens when they are there. */
  menuButton(kind, mark, label, entries) {
    const button = this.button(kind, mark, label, async () => {
      const items = await entries();
      if (items.length) openMenu(button, items, { label, above: true });
      else this.say("bad", "There is nothing to choose from: no cluster has answered yet.");
    });
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    return button;
  }

  say(tone, ...words) {
    this.result.className = `mischief-result ${tone}`;
    replace(this.result, words);
  }

  /** Do it and tell; the words on success may depend on the answer. */
  async act(kind, body, button, words) {
    button.disabled = true;
    const answer = await sandbox.mischief(kind, body);
    button.disabled = false;
    if (answer.ok) this.say("good", ...words(answer));
    else this.say("bad", `That did not work: ${answer.error}.`);
    return answer.ok;
  }

  async killBot() {
    this.killed = await this.act("kill-bot", {}, this.kill, (answer) => [
      answer.killed === false
        ? "The bot was not running. It is being started."
        : "The bot was killed (SIGKILL). The sandbox starts it again; what it was doing goes on.",
    ]);
  }

  /** Told by the stream: close the story of the killed bot. */
  setBot(presence) {
    if (this.killed && presence !== "connected") this.wasAway = true;
    if (this.killed && this.wasAway && presence === "connected") {
      this.killed = this.wasAway = false;
      this.say("good", "The bot is back and connected.");
    }
  }

  workloads() {
    return this.page.clusters().flatMap((cluster) =>
      (cluster.workloads ?? [])
        .filter((workload) => workload.ready > 0)
        .flatMap((workload) =>
          ["Error", "OOMKilled"].map((reason) => ({
            label: `${cluster.name} / ${workload.name}`,
            note: reason === "OOMKilled" ? "runs out of memory (OOMKilled)" : "exits with an error",
            choose: () =>
              this.act(
                "crash-pod",
                { cluster: cluster.name, namespace: workload.namespace, workload: workload.name, reason },
                this.crash,
                (answer) => [
                  `A pod of ${workload.name} in ${cluster.name} crashes`,
                  answer.pod ? ` (${answer.pod})` : "",
                  `: ${answer.reason ?? reason}.`,
                ],
              ),
          })),
        ),
    );
  }

  /** `kinds`: what the images shall do. Jobs answer nobody, so they can only be broken. */
  async repositories(kinds) {
    const answer = await sandbox.images();
    if (!answer.ok) return [];
    return Object.entries(answer.repositories ?? {})
      .filter(([repository]) => kinds === BROKEN || !repository.endsWith("/report"))
      .flatMap(([repository, tags]) =>
        kinds.map(({ word, told, note }) => {
          const tag = nextTag(tags, word);
          const choose = () => this.publishBad(repository, tag, told);
          return { label: repository, note: `publishes ${tag}${note}`, choose };
        }),
      );
  }

  async publishBad(repository, tag, told) {
    const line = `/deploy stg ${repository.split("/").at(-1)} ${tag}`;
    const button = tag.endsWith("-broken") ? this.publish : this.poor;
    await this.act("publish-image", { repository, tag }, button, () => [
      `Published ${repository}:`,
      h("strong", {}, tag),
      `, which ${told}. Type `,
      h("code", {}, line),
      " ",
      h("button", { type: "button", class: "link-button", onclick: () => this.page.write(line) }, "Write it for me"),
    ]);
  }

  nodes() {
    return this.page.clusters().flatMap((cluster) =>
      (cluster.nodes ?? []).map((node) => ({
        label: `${cluster.name} / ${node.name}`,
        note: node.paused ? "paused: let it go on" : "its pods can't start or report",
        choose: () =>
          this.act("pause-node", { cluster: cluster.name, node: node.name, paused: !node.paused }, this.pause, () => [
            node.paused
              ? `Node ${node.name} in ${cluster.name} goes on.`
              : `Node ${node.name} in ${cluster.name} is paused. Choose it again to let it go on.`,
          ]),
      })),
    );
  }

  async rateLimit() {
    const began = Date.now();
    const ok = await this.act("slack-429", { seconds: RATE_LIMIT_SECONDS }, this.limit, () => [
      `Slack answers 429 for ${RATE_LIMIT_SECONDS} s. Nothing may get lost or come twice.`,
    ]);
    if (!ok) return;
    clearInterval(this.countdown);
    const label = this.limit.lastChild;
    this.countdown = setInterval(() => {
      const left = RATE_LIMIT_SECONDS - Math.floor((Date.now() - began) / 1000);
      replace(label, left > 0 ? `429 for ${left} s more` : "Slack answers 429");
      if (left <= 0) {
        clearInterval(this.countdown);
        this.say("good", "Slack answers normally again.");
      }
    }, 500);
  }

  /** What is in force there, told by the stream. */
  setDatadog(faults) {
    this.datadogFaults = faults;
    const known = DATADOG.find((way) => faults.includes(way.do));
    this.datadog.classList.toggle("on", faults.length > 0);
    replace(this.datadog.lastChild, faults.length ? `Datadog ${known?.told ?? "fails"}` : "Datadog fails");
  }

  datadogWays() {
    const order = async (rules, words) => {
      const answer = await sandbox.datadog("faults", { rules, instead: true });
      this.say(answer.ok ? "good" : "bad", answer.ok ? words : `That did not work: ${answer.error}.`);
    };
    const ways = DATADOG.map((way) => ({
      label: way.label,
      note: way.note,
      choose: () =>
        order(
          [{ do: way.do, times: null, status: 503 }],
          `Datadog's API ${way.told} until you choose otherwise. Its webhooks still come.`,
        ),
    }));
    const storm = {
      label: "Sends a storm",
      note: `${STORM.count} notifications in a minute`,
      choose: async () => {
        const answer = await sandbox.datadog("storm", { ...STORM, seed: Date.now() % 1000 });
        if (!answer.ok) this.say("bad", `That did not work: ${answer.error}.`);
        else
          this.say("good", `${answer.messages} notifications of ${answer.groups} alerts come in the next minute. None may get lost.`);
      },
    };
    const mend = { label: "Works again", choose: () => order([], "Datadog works again.") };
    return [...(this.datadogFaults.length ? [mend] : []), ...ways, storm];
  }

  refresh() {
    const paused = this.page.clusters().flatMap((cluster) => (cluster.nodes ?? []).filter((node) => node.paused));
    this.pause.classList.toggle("on", paused.length > 0);
    replace(
      this.pause.lastChild,
      paused.length ? `${paused.length} ${paused.length === 1 ? "node" : "nodes"} paused` : "Pause a node",
    );
  }
}

/** The patch version after the newest plain one, with a word: 1.4.0, 1.4.2 → 1.4.3-broken. */
export function nextTag(tags, word) {
  const plain = tags.filter((tag) => /^v?\d+\.\d+\.\d+$/.test(tag)).sort(byVersion);
  const newest = plain.at(-1) ?? "0.0.0";
  let [, lead, patch] = /^(v?\d+\.\d+\.)(\d+)$/.exec(newest);
  let tag;
  do {
    patch = Number(patch) + 1;
    tag = `${lead}${patch}-${word}`;
  } while (tags.includes(tag));
  return tag;
}
