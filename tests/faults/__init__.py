"""What goes wrong outside, on order: Slack, the clusters, the database, the network; and what people see of it."""
