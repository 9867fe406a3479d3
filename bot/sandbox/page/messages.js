/**
 * A list of messages as Slack shows it: day dividers, grouped authors, blocks, attachments, reactions, thread counts,
 * "Only visible to you".
 * Used by the channel pane and by the thread pane; it draws and reports clicks, and never asks the server itself.
 */
import { avatar } from "./avatar.js";
import { renderAttachments, renderBlocks } from "./blocks/blocks.js";
import { h, icon, replace } from "./dom.js";
import { emoji } from "./emoji.js";
import { ago, clock, mrkdwn, relativeDay } from "./mrkdwn.js";

const GROUP_SECONDS = 300; // Slack joins what one author says within five minutes.

const when = (message) => new Date(Number(message.ts) * 1000);

export class MessageList {
  /** `hooks`: { directory(), click(message, blockId, action), openThread?(message), dismiss(message) }. */
  constructor(node, hooks) {
    this.node = node;
    this.hooks = hooks;
    this.messages = [];
    this.rows = new Map();
  }

  set(messages) {
    this.messages = [...messages].sort((one, other) => Number(one.ts) - Number(other.ts));
    this.draw();
  }

  /** Add a message, or change the one with its ts. */
  put(message) {
    const at = this.messages.findIndex((one) => one.ts === message.ts);
    if (at >= 0) {
      this.change(at, message);
      return;
    }
    const last = this.messages.at(-1);
    this.messages.push(message);
    if (last && Number(last.ts) > Number(message.ts)) this.set(this.messages);
    else this.node.append(...this.pieces(message, last));
  }

  change(at, message) {
    const before = this.messages[at];
    if (JSON.stringify(before) === JSON.stringify(message)) return;
    this.messages[at] = message;
    const old = this.rows.get(message.ts);
    const key = old?.contains(document.activeElement) ? document.activeElement.dataset.focusKey : null;
    const row = this.row(message, this.messages[at - 1]);
    row.classList.add("redrawn");
    old?.replaceWith(row);
    if (key)
      (
        [...row.querySelectorAll("[data-focus-key]")].find((node) => node.dataset.focusKey === key) ??
        row.querySelector("button:not([disabled])")
      )?.focus();
  }

  remove(ts) {
    const kept = this.messages.filter((one) => one.ts !== ts);
    if (kept.length !== this.messages.length) this.set(kept);
  }

  draw() {
    this.rows.clear();
    replace(
      this.node,
      this.messages.map((message, index) => this.pieces(message, this.messages[index - 1])),
    );
  }

  /** The row, with a day divider before it when the day changed. */
  pieces(message, previous) {
    const newDay = !previous || when(previous).toDateString() !== when(message).toDateString();
    return [...(newDay ? [dayDivider(when(message))] : []), this.row(message, newDay ? null : previous)];
  }

  row(message, previous) {
    const directory = this.hooks.directory();
    const author = directory.author(message);
    const compact = isCompact(message, previous, directory);
    const at = when(message);
    const time = h(
      "time",
      { class: "message-time", datetime: at.toISOString(), title: at.toLocaleString() },
      clock(at),
    );
    const edited = message.edited && h("span", { class: "edited", title: "This message was changed" }, "(edited)");
    const row = h(
      "article",
      {
        class: `message${compact ? " compact" : ""}${message.ephemeral ? " ephemeral" : ""}`,
        dataset: { ts: message.ts },
        "aria-label": `${author.name}, ${clock(at)}`,
      },
      h("div", { class: "gutter" }, compact ? time : avatar(author)),
      h(
        "div",
        { class: "message-main" },
        message.ephemeral && h("div", { class: "only-you" }, icon("eye", 14), "Only visible to you"),
        !compact &&
          h(
            "header",
            { class: "message-head" },
            h("span", { class: "author" }, author.name),
            author.isBot && h("span", { class: "app-badge" }, "APP"),
            time,
            edited,
          ),
        this.body(message, directory),
        compact && edited,
        this.foot(message, directory),
      ),
      this.toolbar(message, author),
    );
    this.rows.set(message.ts, row);
    return row;
  }

  body(message, directory) {
    const act = (blockId, action) => this.hooks.click(message, blockId, action);
    const scene = { directory, form: null, act };
    // A person's own blocks are their text again, without its *styles*: the text says more.
    const words =
      message.blocks?.length && !isPlain(message, directory)
        ? h("div", { class: "blocks" }, renderBlocks(message.blocks, scene))
        : message.text && h("div", { class: "text" }, mrkdwn(message.text, directory));
    return h("div", { class: "message-body" }, words, renderAttachments(message.attachments, scene));
  }

  foot(message, directory) {
    const reactions = (message.reactions ?? []).map((one) =>
      h(
        "span",
        {
          class: "reaction",
          title: `${(one.users ?? []).map((id) => directory.userName(id) ?? id).join(", ")} reacted with :${one.name}:`,
        },
        h("span", { class: "emoji" }, emoji(one.name) ?? `:${one.name}:`),
        h("span", {}, String(one.count ?? one.users?.length ?? 1)),
      ),
    );
    return [
      reactions.length > 0 && h("div", { class: "reactions" }, reactions),
      this.hooks.openThread && message.reply_count > 0 && threadButton(message, this.hooks),
      message.ephemeral &&
        h(
          "button",
          { type: "button", class: "link-button dismiss", onclick: () => this.hooks.dismiss(message) },
          "Dismiss message",
        ),
    ];
  }

  toolbar(message, author) {
    if (!this.hooks.openThread || message.ephemeral) return null;
    return h(
      "div",
      { class: "message-tools" },
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          title: "Reply in thread",
          "aria-label": `Reply in thread to ${author.name}`,
          dataset: { focusKey: "reply" },
          onclick: () => this.hooks.openThread(message),
        },
        icon("reply", 17),
      ),
    );
  }
}

/** What was read, brought up to date by what the stream said meanwhile (ts → message); a reading never undoes news. */
export function withArrivals(messages, arrived) {
  const read = new Set(messages.map((message) => message.ts));
  const newest = Number(messages.at(-1)?.ts ?? 0);
  const later = [...arrived.values()].filter((message) => !read.has(message.ts) && Number(message.ts) > newest);
  return [...messages.map((message) => arrived.get(message.ts) ?? message), ...later];
}

function isCompact(message, previous, directory) {
  if (!previous || Boolean(previous.ephemeral) !== Boolean(message.ephemeral)) return false;
  if (directory.author(previous).id !== directory.author(message).id) return false;
  return (
    Number(message.ts) - Number(previous.ts) < GROUP_SECONDS &&
    !previous.reply_count &&
    isPlain(message, directory) &&
    isPlain(previous, directory)
  );
}

/** Words only: no card of an app. */
function isPlain(message, directory) {
  if (message.attachments?.length) return false;
  return (
    !message.blocks?.length ||
    (!directory.author(message).isBot && message.blocks.every((block) => block.type === "rich_text"))
  );
}

function dayDivider(day) {
  const label =
    relativeDay(day) ?? day.toLocaleDateString(undefined, { weekday: "long", month: "long", day: "numeric" });
  return h("div", { class: "day", role: "separator", "aria-label": label }, h("span", {}, label));
}

function threadButton(message, hooks) {
  const words = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  return h(
    "button",
    {
      type: "button",
      class: "thread-count",
      dataset: { focusKey: "thread" },
      onclick: () => hooks.openThread(message),
    },
    h("span", { class: "thread-words" }, words),
    message.latest_reply &&
      h("span", { class: "thread-last" }, `Last reply ${ago(new Date(Number(message.latest_reply) * 1000))}`),
  );
}
