/**
 * Keeps a message pane at its newest line while the reader is there, and leaves it alone when they read further up.
 * Used by both panes.
 */

const NEAR_PX = 90;

export class Follow {
  /** `onAway(true)` when something new came while the reader was further up. */
  constructor(node, onAway = () => {}) {
    this.node = node;
    this.onAway = onAway;
    this.following = true;
    node.addEventListener(
      "scroll",
      () => {
        this.following = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_PX;
        if (this.following) onAway(false);
      },
      { passive: true },
    );
    // The pane shrinks when the keyboard of a phone or the completion opens.
    new ResizeObserver(() => {
      if (this.following) this.toEnd();
    }).observe(node);
  }

  toEnd() {
    this.node.scrollTop = this.node.scrollHeight;
    this.following = true;
    this.onAway(false);
  }

  /** Run `change`, then stay at the end if the reader was there. */
  around(change, { isNews = false } = {}) {
    const wasFollowing = this.following;
    change();
    if (wasFollowing) this.toEnd();
    else if (isNews) this.onAway(true);
  }
}
