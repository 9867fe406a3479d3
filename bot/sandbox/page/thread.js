/**
 * The thread pane: a message with its replies and a composer of its own. Opened by the channel pane; fed by the
 * stream through app.js.
 */
import { client } from "./api.js";
import { Composer } from "./composer.js";
import { h, icon, replace } from "./dom.js";
import { MessageList, withArrivals } from "./messages.js";
import { Follow } from "./scroll.js";

export class ThreadPane {
  /**
   * `page`: the app's state and acts: { directory, channel, click, dismiss, sendIn(channel, text, threadTs),
   * onThread() }.
   */
  constructor(page) {
    this.page = page;
    this.node = document.getElementById("thread");
    const log = document.getElementById("thread-log");
    this.list = new MessageList(log, {
      directory: () => page.directory,
      click: (message, blockId, action) => page.click(this.channel, message, blockId, action),
      dismiss: (message) => page.dismiss(this.channel, message),
    });
    this.follow = new Follow(log);
    this.composer = new Composer(document.getElementById("thread-composer"), "thread", {
      directory: () => page.directory,
      threaded: true,
      send: (text) => page.sendIn(this.channel, text, this.ts),
    });
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    this.ts = null;
    this.channel = null;
    this.arrived = null;
  }

  get isOpen() {
    return this.ts !== null;
  }

  async open(channel, message) {
    this.channel = channel;
    this.ts = message.thread_ts ?? message.ts;
    this.opener = document.activeElement;
    this.node.hidden = false;
    replace(
      this.node.querySelector(".pane-head"),
      h(
        "h2",
        { class: "pane-title" },
        "Thread",
        h(
          "span",
          { class: "pane-note" },
          ` ${this.page.directory.channel(channel)?.is_im ? "" : "#"}${this.page.directory.channelName(channel) ?? ""}`,
        ),
      ),
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": "Close thread",
          title: "Close (Esc)",
          onclick: () => this.close(),
        },
        icon("close"),
      ),
    );
    this.composer.label("Reply…");
    this.list.set([message]);
    this.page.onThread();
    await this.refresh();
    this.composer.focus();
  }

  /** Read the thread afresh; after a reconnection replies may have been missed. */
  async refresh() {
    if (!this.isOpen) return;
    const { ts, channel } = this;
    const arrived = (this.arrived = new Map());
    const answer = await client.replies(this.page.me, channel, ts);
    if (!answer.ok || this.ts !== ts || this.arrived !== arrived) return;
    this.arrived = null;
    const messages = withArrivals(answer.messages, arrived);
    this.follow.around(() => this.list.set(this.page.withNotices(channel, messages, ts)));
  }

  /** A message of the stream: taken when it is the parent or a reply of this thread. */
  put(channel, message) {
    if (channel !== this.channel || (message.thread_ts ?? message.ts) !== this.ts) return;
    this.arrived?.set(message.ts, message);
    this.follow.around(() => this.list.put(message));
  }

  remove(channel, ts) {
    if (channel === this.channel) this.list.remove(ts);
  }

  close() {
    if (!this.isOpen) return;
    this.ts = null;
    this.node.hidden = true;
    this.page.onThread();
    (this.opener?.isConnected ? this.opener : document.getElementById("channel-box"))?.focus();
  }
}
