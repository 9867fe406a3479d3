/**
 * What a half-typed line may become: slash commands with their usage, people, channels. Pure: text and caret in,
 * proposals out.
 * Called by the composer. A proposal is { label, note, insert, from, to }: the text between `from` and `to` becomes
 * `insert`.
 */

const MOST = 8;

/** Proposals at the caret, best first; [] when there is nothing to propose. */
export function proposals(text, caret, directory, { threaded = false } = {}) {
  const before = text.slice(0, caret);
  const slash = /^\/(\S*)$/.exec(before);
  if (slash && !threaded) return commands(slash[1].toLowerCase(), caret, directory);
  const at = /(^|\s)@([\p{L}\p{N}._-]*)$/u.exec(before);
  if (at) return people(at[2].toLowerCase(), caret, directory);
  const hash = /(^|\s)#([\p{L}\p{N}_-]*)$/u.exec(before);
  if (hash) return channels(hash[2].toLowerCase(), caret, directory);
  return [];
}

function commands(typed, caret, directory) {
  return directory.commands
    .filter((one) => one.command.slice(1).toLowerCase().startsWith(typed))
    .map((one) => ({
      label: one.command,
      usage: one.usage_hint ?? "",
      note: one.description ?? "",
      insert: `${one.command} `,
      from: 0,
      to: caret,
      kind: "command",
    }));
}

function people(typed, caret, directory) {
  const from = caret - typed.length - 1;
  const bot = { id: directory.bot.user_id, name: directory.bot.name, note: "App", isBot: true };
  const humans = directory
    .humans()
    .map((user) => ({ id: user.id, name: directory.userName(user.id), note: user.real_name ?? "", isBot: false }));
  const groups = [...directory.groups.values()].map((group) => ({
    id: group.id,
    name: group.handle,
    note: group.name ?? "User group",
    isGroup: true,
  }));
  const broadcast = [
    { id: "here", name: "here", note: "Notify everybody who is active in this channel", isGroup: true },
  ];
  return [bot, ...humans, ...groups, ...broadcast]
    .filter(
      (one) =>
        one.name.toLowerCase().startsWith(typed) ||
        one.note
          .toLowerCase()
          .split(" ")
          .some((word) => typed && word.startsWith(typed)),
    )
    .slice(0, MOST)
    .map((one) => ({
      label: one.name,
      note: one.note,
      insert: `@${one.name} `,
      from,
      to: caret,
      kind: "person",
      author: one,
    }));
}

function channels(typed, caret, directory) {
  return directory
    .channels()
    .filter((one) => !one.is_im && one.name.startsWith(typed))
    .slice(0, MOST)
    .map((one) => ({
      label: `#${one.name}`,
      note: "",
      insert: `#${one.name} `,
      from: caret - typed.length - 1,
      to: caret,
      kind: "channel",
    }));
}

/**
 * The usage of the command that is being typed and which of its words comes next: { command, words: [{ text, active
 * }] } or null.
 */
export function usageAt(text, caret, directory) {
  const found = /^(\/\S+)\s/.exec(text);
  const command = found && directory.commands.find((one) => one.command === found[1]);
  if (!command || caret < found[0].length || !command.usage_hint) return null;
  const typed = text.slice(found[0].length, caret).split(/\s+/);
  const words = command.usage_hint.split(/\s+/);
  const active = Math.min(typed.length - 1, words.length - 1);
  return { command: command.command, words: words.map((word, index) => ({ text: word, active: index === active })) };
}

/**
 * What a person typed with @name of people as <@U…>, whatever its case; the server does the rest (escapes, groups,
 * channels).
 */
export function toSlackText(typed, directory) {
  const names = new Map(directory.humans().map((user) => [directory.userName(user.id).toLowerCase(), user.id]));
  names.set(directory.bot.name.toLowerCase(), directory.bot.user_id);
  return typed.replace(/(^|[\s(])@([\p{L}\p{N}_-]+)/gu, (all, before, name) =>
    names.has(name.toLowerCase()) ? `${before}<@${names.get(name.toLowerCase())}>` : all,
  );
}
