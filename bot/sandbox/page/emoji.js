/**
 * Emoji by shortcode (":tada:"), as the Unicode characters. Called by the text renderers; unknown names stay as
 * typed.
 */
import { SHORTCODES } from "./vendor/shortcodes.js";

const CHARACTERS = new Map(
  SHORTCODES.trim()
    .split(/[,\n]/)
    .map((entry) => entry.split(" ")),
);
const SKIN_TONES = { 2: "1f3fb", 3: "1f3fc", 4: "1f3fd", 5: "1f3fe", 6: "1f3ff" };

/** Code points as Slack writes them ("1f44d-1f3fb") to characters. */
export function fromCodePoints(hex) {
  return hex
    .split("-")
    .map((point) => String.fromCodePoint(parseInt(point, 16)))
    .join("");
}

/** The characters for a shortcode without its colons ("tada", "+1::skin-tone-3"), or null when nobody knows it. */
export function emoji(name) {
  const [, base, tone] = /^(.*?)(?:::skin-tone-([2-6]))?$/.exec(name);
  const hex = CHARACTERS.get(base);
  if (!hex) return null;
  return fromCodePoints(tone ? `${hex}-${SKIN_TONES[tone]}` : hex);
}

export const SHORTCODE = /:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/y;

/** Replace every known shortcode in a plain text. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/g, (typed, name) => emoji(name) ?? typed);
}
