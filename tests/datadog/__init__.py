"""The adapter to Datadog, with Datadog's own client, against the sandbox's Datadog on real sockets."""
