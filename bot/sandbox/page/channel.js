/** The channel pane: head, messages, home of the app, first-visit hint and composer. Fed by app.js. */
import { client } from "./api.js";
import { renderBlocks } from "./blocks/blocks.js";
import { Composer } from "./composer.js";
import { h, icon, replace } from "./dom.js";
import { MessageList } from "./messages.js";
import { Follow } from "./scroll.js";

const FIRST_COMMAND = "/deploy stg admin 1.4.2";
const STARTERS = [FIRST_COMMAND, "/status", "/kajitori help"];
const HINT_SEEN = "kajitori.hint-seen";

export class ChannelPane {
  constructor(page) {
    this.page = page;
    this.head = document.getElementById("channel-head");
    this.log = document.getElementById("log");
    this.away = document.getElementById("new-messages");
    this.home = document.getElementById("home");
    this.showsHome = false;
    this.list = new MessageList(this.log, {
      directory: () => page.directory,
      openThread: (message) => page.thread.open(page.channel, message),
      click: (message, blockId, action) => page.click(page.channel, message, blockId, action),
      dismiss: (message) => page.dismiss(page.channel, message),
    });
    this.follow = new Follow(this.log, (isAway) => {
      this.away.hidden = !isAway;
    });
    this.away.addEventListener("click", () => this.follow.toEnd());
    this.composer = new Composer(document.getElementById("channel-composer"), "channel", {
      directory: () => page.directory,
      send: (text) => this.send(text),
    });
    this.drawHint();
  }

  send(text) {
    this.dropHint();
    this.follow.toEnd();
    void this.page.sendIn(this.page.channel, text, null);
  }

  drawHead() {
    const { page } = this;
    const room = page.directory.channel(page.channel);
    const name = page.directory.channelName(page.channel) ?? "";
    replace(
      this.head,
      h("h1", { class: "pane-title" }, room?.is_im ? null : icon("hash", 18), name),
      room &&
        room.bot_is_member === false &&
        h(
          "span",
          { class: "pane-note", title: "Commands work here; mentions reach the app only after it is invited" },
          `${page.directory.bot.name} is not in this channel`,
        ),
      room?.is_im &&
        page.home &&
        h(
          "div",
          { class: "switch", role: "tablist", "aria-label": "App" },
          this.tab("Home", true),
          this.tab("Messages", false),
        ),
      h("span", { class: "grow" }),
      h(
        "button",
        {
          type: "button",
          class: "icon-button only-laptop",
          "aria-label": page.clustersShown ? "Hide the clusters" : "Show the clusters",
          title: page.clustersShown ? "Hide the clusters" : "Show the clusters",
          "aria-pressed": String(page.clustersShown),
          onclick: () => page.toggleClusters(),
        },
        icon("panel", 18),
      ),
    );
    this.composer.label(`Message ${room?.is_im ? "" : "#"}${name}, or / for commands`);
    document.title = `${name} · Kajitori sandbox`;
    this.drawHome();
  }

  tab(label, isHome) {
    return h(
      "button",
      {
        type: "button",
        role: "tab",
        "aria-selected": String(this.showsHome === isHome),
        onclick: () => {
          this.showsHome = isHome;
          this.drawHead();
        },
      },
      label,
    );
  }

  drawHome() {
    const { page } = this;
    const shown = this.showsHome && Boolean(page.home) && page.directory.channel(page.channel)?.is_im === true;
    this.home.hidden = !shown;
    this.log.hidden = shown;
    document.getElementById("channel-composer").hidden = shown;
    if (!shown) return;
    const act = (blockId, action) =>
      client.click({ user: page.me, view_id: page.home.id, block_id: blockId, ...action });
    replace(this.home, renderBlocks(page.home.blocks, { directory: page.directory, form: null, act }));
  }

  show(messages) {
    this.list.set(messages);
    if (!messages.length) replace(this.log, this.empty());
    this.follow.toEnd();
  }

  /** The same channel read afresh: the reader's place is kept. */
  refresh(messages) {
    this.follow.around(() => {
      this.list.set(messages);
      if (!messages.length) replace(this.log, this.empty());
    });
  }

  put(message) {
    if (!this.list.messages.length) replace(this.log);
    this.follow.around(() => this.list.put(message), { isNews: true });
  }

  empty() {
    const room = this.page.directory.channel(this.page.channel);
    const name = this.page.directory.channelName(this.page.channel);
    return h(
      "div",
      { class: "empty" },
      h("span", { class: "empty-mark" }, icon(room?.is_im ? "helm" : "hash", 28)),
      h("h2", {}, room?.is_im ? name : `#${name}`),
      h(
        "p",
        {},
        "A workspace and two clusters on this machine, to try Kajitori. Nothing here reaches Slack or anything real.",
      ),
      h(
        "div",
        { class: "starters" },
        STARTERS.map((line) =>
          h("button", { type: "button", class: "starter", onclick: () => this.composer.fill(line) }, line),
        ),
      ),
    );
  }

  drawHint() {
    const node = document.getElementById("hint");
    node.hidden = localStorage.getItem(HINT_SEEN) !== null;
    replace(
      node,
      h(
        "div",
        { class: "hint-card" },
        h("span", { class: "hint-mark" }, icon("helm", 20)),
        h("span", { class: "hint-words" }, "Type ", h("code", {}, FIRST_COMMAND), " and watch the pods change."),
        h(
          "button",
          { type: "button", class: "button primary small", onclick: () => this.composer.fill(FIRST_COMMAND) },
          "Write it for me",
        ),
        h(
          "button",
          { type: "button", class: "icon-button", "aria-label": "Dismiss the hint", onclick: () => this.dropHint() },
          icon("close", 16),
        ),
      ),
    );
  }

  dropHint() {
    localStorage.setItem(HINT_SEEN, "1");
    document.getElementById("hint").hidden = true;
  }
}
