/**
 * What lives in this page alone: Slackbot's words about failed commands, and which whispers were dismissed.
 * Kept per persona and channel; mixed with the server's messages whenever a channel or a thread is read afresh.
 */

const KEPT_DISMISSALS = 200;

export class Notices {
  constructor() {
    this.own = new Map();
    this.dismissed = new Set(JSON.parse(sessionStorage.getItem("kajitori.dismissed") ?? "[]"));
  }

  /** A new word of Slackbot's to `user` only; returned as a message. */
  add(user, channel, text, threadTs = null) {
    const ts = (Date.now() / 1000).toFixed(6);
    const message = { ts, user: "USLACKBOT", text, ephemeral: true, ...(threadTs ? { thread_ts: threadTs } : {}) };
    const key = `${user}/${channel}`;
    this.own.set(key, [...(this.own.get(key) ?? []), message]);
    return message;
  }

  dismiss(ts) {
    this.dismissed.add(ts);
    sessionStorage.setItem("kajitori.dismissed", JSON.stringify([...this.dismissed].slice(-KEPT_DISMISSALS)));
  }

  isDismissed(ts) {
    return this.dismissed.has(ts);
  }

  /** The server's messages of a channel (or of one thread) with our own, without what was dismissed, oldest first. */
  mixInto(messages, user, channel, threadTs = null) {
    const own = (this.own.get(`${user}/${channel}`) ?? []).filter((one) => (one.thread_ts ?? null) === threadTs);
    return [...messages, ...own]
      .filter((message) => !this.dismissed.has(message.ts))
      .sort((one, other) => Number(one.ts) - Number(other.ts));
  }
}

/** Slack's answer to a command that nobody has. `shown` is escaped already. */
export const notACommand = (shown) =>
  `\`${shown}\` is not a valid command. In Slack, all messages that start with the "/" character are interpreted ` +
  `as commands.\nIf you are trying to send a message and not run a command, try preceding the "/" with an empty space.`;
