"""Names and ids as types. Everyone uses them; they carry no behaviour, so a mix-up is a type error."""

from typing import NewType

EnvironmentName = NewType("EnvironmentName", str)
"""A key of `environments` in the configuration, e.g. `stg`."""
ServiceName = NewType("ServiceName", str)
"""A key of `services` in the configuration, e.g. `admin`; also Datadog's `service` tag."""
Version = NewType("Version", str)
"""An image tag as the registry spells it, e.g. `1.42.0`."""
UserId = NewType("UserId", str)
"""A Slack user id, `U…` or `W…`."""
ChannelId = NewType("ChannelId", str)
"""A Slack channel id `C…`/`G…`/`D…`, or a `#name` from the configuration that Slack resolves when posting."""
AlertId = NewType("AlertId", str)
"""A ULID of our own for one row of alerts: 26 characters."""
AlertRef = NewType("AlertRef", str)
"""What people call an alert by: the last characters of its id as its card shows them, or a service or environment."""
Span = NewType("Span", str)
"""How long, as people type it: `30m`, `1h30m`, `2d`, or `tomorrow`."""
Prose = NewType("Prose", str)
"""Free words of a person, of any number."""
Drill = NewType("Drill", str)
"""What to do about an emergency: `start`, `status` or `end`."""
Reason = NewType("Reason", str)
"""Free words that say why, kept with what was done."""
ReleaseRef = NewType("ReleaseRef", str)
"""What people call a release by: the last characters of its id, as its card shows them."""
Shares = NewType("Shares", str)
"""What a canary is to do, as people type it: `10%`, `10% 25% 50% every 10m`, `promote`, `abort`."""
ReleaseId = NewType("ReleaseId", str)
"""A ULID: 26 characters, sortable by creation."""
