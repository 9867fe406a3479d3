/**
 * The page: one persona, one open channel, and what is live. Wires the panes to the server's streams.
 * Everything shown can be read afresh from the server; only notices of failed commands and dismissed whispers live
 * here alone.
 */
import { client, liveStream } from "./api.js";
import { ChannelPane } from "./channel.js";
import { ClustersPane } from "./clusters.js";
import { toSlackText } from "./completion.js";
import { Directory } from "./directory.js";
import { announce, h, replace, toast } from "./dom.js";
import { withArrivals } from "./messages.js";
import { escape } from "./mrkdwn.js";
import { notACommand, Notices } from "./notices.js";
import { Sections } from "./sections.js";
import { drawSidebar, presenceOf } from "./sidebar.js";
import { ThreadPane } from "./thread.js";
import { Views } from "./views.js";

const FIRST_PERSONA = "U0ALICE";

class Page {
  constructor() {
    const asked = new URLSearchParams(location.search).get("user");
    this.me = asked ?? sessionStorage.getItem("kajitori.me") ?? FIRST_PERSONA;
    this.directory = new Directory({ me: this.me });
    this.channel = null;
    this.home = null;
    this.unread = new Map();
    this.arrived = null; // while a channel is being read: what the stream says of it meanwhile
    this.notices = new Notices();
    this.sections = new Sections();
    this.live = { chat: false, bot: { state: null, connected: 0 } };
    this.views = new Views(() => ({ user: this.me, directory: this.directory }));
    this.thread = new ThreadPane(this);
    this.pane = new ChannelPane(this);
    this.clusters = new ClustersPane(document.getElementById("clusters"), {
      write: (text) => this.write(text),
      onBot: (bot) => this.setBot(bot),
      close: () => this.toggleClusters(),
    });
    addEventListener("hashchange", () => this.goTo(location.hash.slice(1)));
    addEventListener("keydown", (event) => this.onShortcut(event));
  }

  /** Alt and an arrow walk through the channels, as in Slack. */
  onShortcut(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!event.altKey || !step || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    const ids = this.directory.channels().map((channel) => channel.id);
    void this.goTo(ids.at((ids.indexOf(this.channel) + step) % ids.length));
  }

  /** Become `user`: everything is read afresh as they see it. */
  async become(user) {
    this.stream?.stop();
    this.views.clear();
    this.thread.close();
    this.me = user;
    this.home = null;
    this.unread.clear();
    sessionStorage.setItem("kajitori.me", user);
    this.stream = liveStream(`/client/stream?user=${encodeURIComponent(user)}`, {
      onOpen: () => this.refresh(),
      onFrame: (frame) => this.onFrame(frame),
      onState: (live) => {
        this.live.chat = live;
        this.drawBanner();
      },
    });
  }

  /** Read state, the open channel and the open thread afresh: on start, after a reconnection, for a new persona. */
  async refresh() {
    const state = await client.state(this.me);
    if (!state.ok) {
      toast(`The workspace can't be read: ${state.error}.`, "bad");
      return;
    }
    if (state.me && state.me !== this.me) return; // an answer for the persona before
    this.directory = new Directory({ ...state, me: this.me });
    if (typeof state.connected === "number") this.live.bot.connected = state.connected;
    const wanted = this.directory.channel(this.channel) ? this.channel : location.hash.slice(1);
    const first = this.directory.channel(wanted) ?? this.directory.channels()[0];
    await this.goTo(first?.id, { again: true });
    await this.thread.refresh();
    await this.countUnread();
  }

  async goTo(id, { again = false } = {}) {
    if (!this.directory.channel(id) || (id === this.channel && !again)) return;
    const same = id === this.channel;
    if (!same) this.thread.close();
    this.channel = id;
    this.unread.delete(id);
    history.replaceState(null, "", `#${id}`);
    this.sections.show("chat");
    this.draw();
    // The view comes over the stream, if the app has one.
    if (id === this.directory.botRoom()?.id) void client.home({ user: this.me });
    const arrived = (this.arrived = new Map());
    const answer = await client.history(this.me, id);
    if (this.channel !== id || this.arrived !== arrived) return; // somewhere else by now, or read once more
    this.arrived = null;
    if (!answer.ok) {
      toast(`#${this.directory.channelName(id)} can't be read: ${answer.error}.`, "bad");
      return;
    }
    const messages = this.withNotices(id, withArrivals(answer.messages, arrived));
    if (same) this.pane.refresh(messages);
    else this.pane.show(messages);
    this.markRead(id, messages.at(-1)?.ts);
  }

  /** The server's messages with this page's own notices, without what was dismissed. */
  withNotices(channel, messages, threadTs = null) {
    return this.notices.mixInto(messages, this.me, channel, threadTs);
  }

  // Unread marks: a channel's newest message against the last one read here.

  markRead(channel, ts) {
    if (ts) localStorage.setItem(`kajitori.read/${this.me}/${channel}`, ts);
  }

  async countUnread() {
    for (const { id } of this.directory.channels()) {
      const read = localStorage.getItem(`kajitori.read/${this.me}/${id}`);
      if (id === this.channel) continue;
      const answer = await client.history(this.me, id, 30);
      const news = (answer.messages ?? []).filter(
        (message) => Number(message.ts) > Number(read ?? 0) && message.user !== this.me,
      ).length;
      if (news && id !== this.channel) this.unread.set(id, news);
    }
    this.drawSidebar();
  }

  // The stream

  onFrame(frame) {
    switch (frame.type) {
      case "message":
        this.onMessage(frame.channel, frame.message, true);
        break;
      case "message_changed":
        this.onMessage(frame.channel, frame.message, false);
        break;
      case "message_deleted":
        if (frame.channel === this.channel) this.pane.list.remove(frame.ts);
        this.thread.remove(frame.channel, frame.ts);
        break;
      case "view_opened":
        this.views.show(frame.view);
        break;
      case "view_updated":
        this.views.update(frame.view);
        break;
      case "view_closed":
        this.views.remove(frame.view_id);
        break;
      case "home":
        this.home = frame.view;
        this.pane.drawHead();
        break;
      case "commands":
        this.directory.commands = frame.commands;
        break;
      case "bot":
        this.setBot(frame);
        break;
      default:
        break; // a newer server may say more
    }
  }

  onMessage(channel, message, isNew) {
    if (this.notices.isDismissed(message.ts)) return;
    if (!this.directory.channel(channel)) {
      if (isNew) void this.refresh();
      return;
    }
    this.thread.put(channel, message);
    const onlyInThread =
      message.thread_ts &&
      message.thread_ts !== message.ts &&
      message.subtype !== "thread_broadcast" &&
      !message.reply_broadcast;
    if (!onlyInThread) this.inChannel(channel, message, isNew);
    if (isNew && message.user !== this.me) announce(`${this.directory.author(message).name}: ${message.text ?? ""}`);
  }

  inChannel(channel, message, isNew) {
    if (channel === this.channel) {
      this.arrived?.set(message.ts, message);
      // An edit of a message older than what is loaded must not put it at the end.
      if (isNew || this.pane.list.rows.has(message.ts)) this.pane.put(message);
      this.markRead(channel, message.ts);
    } else if (isNew && message.user !== this.me) {
      this.unread.set(channel, (this.unread.get(channel) ?? 0) + 1);
      this.drawSidebar();
    }
  }

  setBot(bot) {
    this.live.bot = { ...this.live.bot, ...bot };
    this.drawSidebar();
    this.clusters.setBot(presenceOf(this.live.bot));
  }

  // What a person does

  async sendIn(channel, text, threadTs) {
    if (text.startsWith("/")) {
      await this.command(channel, text, threadTs);
      return;
    }
    const body = { user: this.me, channel, text: toSlackText(text, this.directory) };
    const answer = await client.say(threadTs ? { ...body, thread_ts: threadTs } : body);
    if (!answer.ok) this.notice(channel, `Your message was not sent: ${escape(String(answer.error))}.`, threadTs);
  }

  async command(channel, text, threadTs) {
    const [, command, words] = /^(\/\S*)\s*([^]*)$/.exec(text);
    if (threadTs) {
      this.notice(
        channel,
        `\`${escape(command)}\` is not supported in threads. Sorry! ` +
          `Mention the app instead: \`@${this.directory.bot.name} …\``,
        threadTs,
      );
      return;
    }
    const answer = await client.command({ user: this.me, channel, command, text: words });
    if (answer.ok) return; // the reply, if any, comes by the stream
    if (answer.error === "unknown_command") this.notice(channel, notACommand(command));
    else this.notice(channel, `${escape(command)} failed with the error "${escape(String(answer.error))}"`);
  }

  async click(channel, message, blockId, action) {
    return client.click({ user: this.me, channel, ts: message.ts, block_id: blockId, ...action });
  }

  /** A word of Slackbot's to this person only. */
  notice(channel, text, threadTs = null) {
    this.onMessage(channel, this.notices.add(this.me, channel, text, threadTs), true);
  }

  dismiss(channel, message) {
    this.notices.dismiss(message.ts);
    if (channel === this.channel) this.pane.list.remove(message.ts);
    this.thread.remove(channel, message.ts);
    this.pane.composer.focus();
  }

  /** Put words into the composer, in sight, ready to send. */
  write(text) {
    this.sections.show("chat");
    this.pane.composer.fill(text);
  }

  // Drawing

  draw() {
    this.drawSidebar();
    this.pane.drawHead();
    this.drawBanner();
  }

  drawSidebar() {
    drawSidebar(document.getElementById("sidebar"), this, {
      channel: (id) => {
        this.sections.show("chat");
        void this.goTo(id);
      },
      persona: (id) => this.become(id),
    });
    this.sections.draw([...this.unread.values()].some((count) => count > 0));
  }

  drawBanner() {
    const banner = document.getElementById("banner");
    clearTimeout(this.bannerTimer);
    if (this.live.chat) {
      banner.hidden = true;
      return;
    }
    // A blink of the connection is not worth a word.
    this.bannerTimer = setTimeout(() => {
      banner.hidden = false;
      replace(banner, h("span", { class: "spinner" }), "Connecting to the sandbox again…");
    }, 700);
  }

  onThread() {
    this.sections.showThread(this.thread.isOpen);
  }

  get clustersShown() {
    return this.sections.clustersShown;
  }

  toggleClusters() {
    this.sections.toggleClusters();
    this.pane.drawHead();
  }
}

const page = new Page();
void page.become(page.me);
