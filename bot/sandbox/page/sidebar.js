/**
 * The left column: workspace, channels with unread marks, the bot's presence, the persona switch and the theme.
 * Drawn by app.js on every change.
 */
import { avatar } from "./avatar.js";
import { h, icon, replace } from "./dom.js";
import { openMenu } from "./menu.js";

const PRESENCE = {
  connected: { words: "connected", tone: "good" },
  restarting: { words: "restarting…", tone: "busy" },
  starting: { words: "starting…", tone: "busy" },
  stopped: { words: "not running", tone: "bad" },
  disconnected: { words: "not connected", tone: "bad" },
};

/** One of the words above, from the process's state and the number of its sockets. */
export function presenceOf(bot) {
  if (bot.state === "restarting" || bot.state === "starting") return bot.state;
  if (bot.connected > 0) return "connected";
  if (bot.state === "stopped") return "stopped";
  return bot.state === "running" ? "starting" : "disconnected";
}

/** `page` is the app's state; `on`: { channel(id), persona(id) }. */
export function drawSidebar(node, page, on) {
  const { directory } = page;
  const focusKey = node.contains(document.activeElement) ? document.activeElement.dataset.focusKey : null;
  const rooms = directory.channels().filter((channel) => !channel.is_im);
  const directs = directory.channels().filter((channel) => channel.is_im);
  replace(
    node,
    h(
      "header",
      { class: "workspace" },
      h("span", { class: "logo" }, icon("helm", 22)),
      h(
        "span",
        { class: "workspace-words" },
        h("span", { class: "workspace-name" }, directory.team.name),
        h("span", { class: "workspace-note" }, "Kajitori sandbox"),
      ),
      themeButton(),
    ),
    h(
      "div",
      { class: "rooms" },
      h("h2", {}, "Channels"),
      h(
        "ul",
        {},
        rooms.map((channel) => room(channel, page, on)),
      ),
      h("h2", {}, "Apps"),
      h(
        "ul",
        {},
        directs.map((channel) => room(channel, page, on)),
        directs.length === 0 &&
          h(
            "li",
            {},
            h(
              "div",
              { class: "room" },
              avatar({ id: "bot", isBot: true, name: "" }, "small"),
              h("span", { class: "room-name" }, directory.bot.name),
            ),
          ),
      ),
    ),
    h("div", { class: "presence", role: "status" }, presence(page)),
    persona(page, on),
  );
  if (focusKey)
    [...node.querySelectorAll("[data-focus-key]")].find((one) => one.dataset.focusKey === focusKey)?.focus();
}

function presence(page) {
  const { words, tone } = PRESENCE[presenceOf(page.live.bot)];
  return [h("span", { class: `dot ${tone}` }), h("span", {}, h("strong", {}, page.directory.bot.name), ` is ${words}`)];
}

function room(channel, page, on) {
  const current = page.channel === channel.id;
  const unread = page.unread.get(channel.id) ?? 0;
  const lead = channel.is_im
    ? avatar({ id: channel.id, isBot: true, name: "" }, "small")
    : h("span", { class: "room-mark" }, icon("hash", 16));
  return h(
    "li",
    {},
    h(
      "button",
      {
        type: "button",
        class: `room${unread ? " unread" : ""}`,
        "aria-current": current ? "page" : null,
        dataset: { focusKey: channel.id },
        onclick: () => on.channel(channel.id),
      },
      lead,
      h("span", { class: "room-name" }, page.directory.channelName(channel.id)),
      unread > 0 &&
        h("span", { class: "unread-count" }, String(Math.min(unread, 99)), h("span", { class: "unseen" }, " unread")),
    ),
  );
}

function persona(page, on) {
  const { directory } = page;
  const me = directory.user(directory.me);
  const button = h(
    "button",
    {
      type: "button",
      class: "persona",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      dataset: { focusKey: "persona" },
    },
    avatar({ id: directory.me, name: directory.userName(directory.me) ?? "?" }),
    h(
      "span",
      { class: "persona-words" },
      h("span", { class: "persona-note" }, "You are"),
      h(
        "span",
        { class: "persona-name" },
        directory.userName(directory.me),
        h("span", { class: "persona-role" }, ` ${me?.role ?? ""}`),
      ),
    ),
    icon("chevron", 16),
  );
  button.addEventListener("click", () =>
    openMenu(
      button,
      directory.humans().map((user) => ({
        label: directory.userName(user.id),
        note: [user.role, ...directory.groupsOf(user).map((name) => `@${name}`)].filter(Boolean).join(" · "),
        leading: avatar({ id: user.id, name: directory.userName(user.id) }, "small"),
        checked: user.id === directory.me,
        choose: () => on.persona(user.id),
      })),
      { label: "Who are you?", above: true },
    ),
  );
  return button;
}

function themeButton() {
  const { kajitoriTheme } = globalThis;
  const button = h("button", { type: "button", class: "icon-button on-dark", dataset: { focusKey: "theme" } });
  const draw = () => {
    const dark = kajitoriTheme.current() === "dark";
    const label = dark ? "Switch to light" : "Switch to dark";
    button.setAttribute("aria-label", label);
    button.title = label;
    replace(button, icon(dark ? "sun" : "moon", 17));
  };
  button.addEventListener("click", () => {
    kajitoriTheme.set(kajitoriTheme.current() === "dark" ? "light" : "dark");
    draw();
  });
  draw();
  return button;
}
