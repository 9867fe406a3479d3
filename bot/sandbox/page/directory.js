/**
 * Who and what an id is, for one persona: people, channels, user groups, commands. Built from /client/state; read
 * by every renderer.
 */

export class Directory {
  /** `state` is the answer of /client/state. */
  constructor(state) {
    this.team = state.team ?? { id: "", name: "Workspace" };
    this.me = state.me;
    this.bot = state.bot ?? { user_id: null, name: "the app" };
    this.commands = state.commands ?? [];
    this.people = new Map((state.users ?? []).map((user) => [user.id, user]));
    this.rooms = new Map((state.channels ?? []).map((channel) => [channel.id, channel]));
    this.groups = new Map((state.usergroups ?? []).map((group) => [group.id, group]));
  }

  user(id) {
    return this.people.get(id) ?? null;
  }
  users() {
    return [...this.people.values()];
  }
  humans() {
    return this.users().filter((user) => !user.is_bot && user.id !== this.bot.user_id && user.id !== "USLACKBOT");
  }
  channel(id) {
    return this.rooms.get(id) ?? null;
  }
  channels() {
    return [...this.rooms.values()];
  }

  userName(id) {
    if (id === this.bot.user_id) return this.bot.name;
    const user = this.people.get(id);
    return user ? user.profile?.display_name || user.name : null;
  }

  channelName(id) {
    const channel = this.rooms.get(id);
    if (!channel) return null;
    return channel.is_im ? this.bot.name : channel.name;
  }

  /** The direct message with the bot: the only one that this Slack has. */
  botRoom() {
    return this.channels().find((channel) => channel.is_im) ?? null;
  }

  groupName(id) {
    return this.groups.get(id)?.handle ?? null;
  }
  inGroup(id) {
    return (this.groups.get(id)?.users ?? []).includes(this.me);
  }

  /** Names of the groups of a person, for the persona switch. */
  groupsOf(user) {
    return [...this.groups.values()]
      .filter((group) => (group.users ?? []).includes(user.id))
      .map((group) => group.handle);
  }

  /** Author of a message: { id, name, isBot }. */
  author(message) {
    const isBot = Boolean(message.bot_id) || message.user === this.bot.user_id;
    if (message.user === "USLACKBOT") return { id: "USLACKBOT", name: "Slackbot", isBot: true };
    const name =
      message.username ?? this.userName(message.user) ?? (isBot ? this.bot.name : (message.user ?? "Somebody"));
    return { id: message.user ?? message.bot_id, name, isBot };
  }
}
